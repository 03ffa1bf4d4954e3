import type { ChangeEvent, ChangeKind } from '#protocol';
import type { Clock } from './ports.ts';

/** Whoever watches the whole is told at most this often: it asks for everything again each time. */
const EVENT_INTERVAL_MS = 1_000;

/** Who is told that something has changed; what, they ask for themselves. */
export interface Changes {
  readonly changed: (kinds: Iterable<ChangeKind>) => void;
  /** What has changed from now on, until the signal aborts. */
  watch(signal: AbortSignal): AsyncGenerator<ChangeEvent, void>;
}

export function createChanges({ clock }: { readonly clock: Clock }): Changes {
  const listeners = new Set<(kinds: Iterable<ChangeKind>) => void>();
  return {
    changed(kinds) {
      for (const listener of listeners) listener(kinds);
    },
    async *watch(signal) {
      const seen = new Set<ChangeKind>();
      let wake = (): void => undefined;
      const listener = (kinds: Iterable<ChangeKind>): void => {
        for (const kind of kinds) seen.add(kind);
        wake();
      };
      listeners.add(listener);
      try {
        while (!signal.aborted) {
          if (seen.size === 0) await until(signal, (resolve) => (wake = resolve));
          // Nothing: it was the signal that ended the waiting.
          if (seen.size === 0) return;
          yield { changed: [...seen] };
          seen.clear();
          await until(signal, (resolve) => clock.after(EVENT_INTERVAL_MS, resolve));
        }
      } finally {
        listeners.delete(listener);
      }
    },
  };
}

/** Resolves when `start` calls back or the signal aborts. */
function until(signal: AbortSignal, start: (resolve: () => void) => unknown): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end);
    start(end);
  });
}
