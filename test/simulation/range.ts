import { availableParallelism } from 'node:os';
import { expect } from 'vitest';
import { missing, tell, tellFailure } from './report.ts';
import { runSharded, type SeedRange } from './seeds.ts';

const THREADS_MAX = 8;

/** Where a range begins: the same seeds every time, unless `LATCHKEY_SEED` says where else. */
export function rangeOf(count: number, first: number): SeedRange {
  const asked = process.env['LATCHKEY_SEED'];
  if (asked === undefined || asked === '') return { first, count };
  if (!/^\d{1,15}$/.test(asked)) throw new Error(`LATCHKEY_SEED is a whole number, not "${asked}"`);
  return { first: Number(asked), count };
}

/** Lives through all of these seeds, says what happened, and fails when a promise was broken or too little happened. */
export async function expectPromisesKept(range: SeedRange, sayEvery = Infinity): Promise<void> {
  const threads = Math.min(THREADS_MAX, availableParallelism());
  const startedAt = performance.now();
  const totals = await runSharded(range, threads, (done) => {
    if (done % sayEvery !== 0) return;
    console.log(`${String(done)} of ${String(range.count)} seeds in ${secondsSince(startedAt)} s`);
  });
  console.log(tell(range, totals));
  console.log(`${String(threads)} threads, ${secondsSince(startedAt)} s`);
  expect(totals.failures.map(tellFailure).join('\n\n')).toBe('');
  expect(totals.seeds).toBe(range.count);
  expect(missing(totals), 'never happened').toEqual([]);
}

const secondsSince = (startedAt: number): string => ((performance.now() - startedAt) / 1_000).toFixed(0);
