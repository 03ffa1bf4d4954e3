import { test } from 'vitest';
import { expectPromisesKept, rangeOf } from './range.ts';

const SEEDS = 10_000;
/** Others than those of the quick tier. */
const FIRST = 1_000_000;
const SAY_EVERY = 500;
const TIMEOUT_MS = 60 * 60_000;

test(
  `every promise holds in ${String(SEEDS)} worlds`,
  async () => {
    await expectPromisesKept(rangeOf(SEEDS, FIRST), SAY_EVERY);
  },
  TIMEOUT_MS,
);
