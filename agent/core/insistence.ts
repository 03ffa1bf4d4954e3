import type { Clock, Log } from '../ports.ts';

/** How often a record that must be written is tried again while the disk refuses. */
const JOURNAL_RETRY_MS = 1_000;

/** Tries until `write` has succeeded; false when the agent stops first. */
export type Insist = (write: () => Promise<void>) => Promise<boolean>;

export function createInsistence(options: {
  readonly clock: Clock;
  readonly log: Log;
  /** The journal fails, or works again. */
  readonly onChange: () => void;
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal;
}): Insist {
  const { clock, log, onChange, signal } = options;
  return async (write) => {
    while (!signal.aborted) {
      try {
        await write();
        return true;
      } catch (error) {
        log.error({ error: String(error) }, 'the journal cannot be written; trying again');
        onChange();
        await pause(clock, JOURNAL_RETRY_MS, signal);
      }
    }
    return false;
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      forget();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const forget = clock.after(ms, end);
    signal.addEventListener('abort', end);
  });
}
