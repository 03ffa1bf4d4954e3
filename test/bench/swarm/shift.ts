import { setTimeout as sleep } from 'node:timers/promises';

/** How long an agent takes for an order. */
export interface WorkMs {
  readonly min: number;
  readonly max: number;
}

/** When agents do what they are told: what comes before they begin to work waits. */
export interface Shift {
  begin(work: WorkMs): void;
  /** Resolves when it is done, with how long the work itself took. */
  work(): Promise<number>;
}

export function createShift(): Shift {
  const begun = Promise.withResolvers<WorkMs>();
  return {
    begin: (work) => begun.resolve(work),
    async work() {
      const { min, max } = await begun.promise;
      const tookMs = Math.round(min + Math.random() * (max - min));
      await sleep(tookMs);
      return tookMs;
    },
  };
}
