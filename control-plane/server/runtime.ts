import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Digest } from '#protocol';
import type { Clock, Hash, Random } from './service/ports.ts';

/** Real time. Timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};

export const sha256Sync: Hash = (bytes) => createHash('sha256').update(bytes).digest('base64url') as Digest;
