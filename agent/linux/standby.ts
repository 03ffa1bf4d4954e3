/** A process that is started ahead of the reset that needs it. */

/**
 * So long after a reset the next one is started. Instances that share a machine are often reset together, and to start a
 * helper takes as much of the processor as the reset did: it would take it from the resets of the others.
 */
const REFILL_AFTER_MS = { min: 5_000, max: 10_000 } as const;

/** Not at the same moment on all of them. `fraction` in [0, 1). */
export function refillAfterMs(fraction: number): number {
  const { min, max } = REFILL_AFTER_MS;
  return min + (max - min) * fraction;
}

export interface Waiting {
  alive(): boolean;
  end(): void;
}

/** At most one that waits; a new one is started when a reset is over, never while one runs. */
export interface Standby<Key, Process extends Waiting> {
  /** The one that waits, if it was started for this key and lives. From now on it is the caller's. */
  take(key: Key): Process | null;
  /** A reset is over: starts the next one after a while. */
  refill(): void;
  close(): void;
}

/** `choose` says what the next reset would take if it came now; `waitMs` how long after a reset it is started. */
export function createStandby<Key, Process extends Waiting>(
  choose: () => Key,
  start: (key: Key) => Process,
  waitMs: () => number,
): Standby<Key, Process> {
  let spare: { readonly key: Key; readonly process: Process } | null = null;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  const drop = () => {
    spare?.process.end();
    spare = null;
  };
  const cancel = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const fill = () => {
    if (closed || spare?.process.alive() === true) return;
    const key = choose();
    spare = { key, process: start(key) };
  };
  fill();
  return {
    refill() {
      cancel();
      // It waits for the next reset and must not keep the agent from ending.
      if (!closed) timer = setTimeout(fill, waitMs()).unref();
    },
    take(key) {
      cancel();
      if (spare?.key !== key || !spare.process.alive()) {
        drop();
        return null;
      }
      const { process } = spare;
      spare = null;
      return process;
    },
    close() {
      closed = true;
      cancel();
      drop();
    },
  };
}
