import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '../ports.ts';

/** The longest delay that the runtime's timers take. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The clocks of this machine. Monotonic time is the kernel's, which counts from the boot, whoever asks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(TIMER_MS_MAX, Math.max(0, delayMs)));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};
