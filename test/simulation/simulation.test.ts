import { test } from 'vitest';
import { expectPromisesKept, rangeOf } from './range.ts';

const SEEDS = 1_000;
const TIMEOUT_MS = 10 * 60_000;

test(
  `every promise holds in ${String(SEEDS)} worlds`,
  async () => {
    await expectPromisesKept(rangeOf(SEEDS, 0));
  },
  TIMEOUT_MS,
);
