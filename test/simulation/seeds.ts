import { Worker } from 'node:worker_threads';
import { simulate } from './simulation.ts';
import type { Violation } from './truth/known.ts';

/** Seeds are whole numbers: from `first`, that many, each `stride`-th. */
export interface SeedRange {
  readonly first: number;
  readonly count: number;
  readonly stride?: number;
}

export interface Failure {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The end of what happened. */
  readonly trace: string;
}

/** What came of some seeds. */
export interface Totals {
  readonly seeds: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

/** What a thread of its own says: after each seed, and in the end. */
export type ShardMessage = { readonly done: number } | { readonly totals: Totals };

export const NOTHING: Totals = { seeds: 0, steps: 0, virtualMs: 0, counts: {}, failures: [] };

/** More traces than anybody reads are not carried about. */
const FAILURES_KEPT = 3;

/** On this thread, one after another. */
export async function runSeeds({ first, count, stride = 1 }: SeedRange, onDone: () => void): Promise<Totals> {
  let totals = NOTHING;
  for (let number = 0; number < count; number += 1) {
    totals = sum(totals, await runSeed(first + number * stride));
    onDone();
  }
  return totals;
}

async function runSeed(seed: number): Promise<Totals> {
  const { steps, virtualMs, counts, violations, trace } = await simulate(String(seed));
  const failures = violations.length > 0 ? [{ seed, violations, trace }] : [];
  return { seeds: 1, steps, virtualMs, counts: Object.fromEntries(counts), failures };
}

/** On that many threads. `onDone` hears how many seeds are done. */
export async function runSharded(
  range: SeedRange,
  threads: number,
  onDone: (done: number) => void = () => undefined,
): Promise<Totals> {
  let done = 0;
  const shards = Array.from({ length: Math.min(threads, range.count) }, (_, index) =>
    runShard(shardOf(range, threads, index), () => {
      done += 1;
      onDone(done);
    }),
  );
  return (await Promise.all(shards)).reduce(sum, NOTHING);
}

function shardOf({ first, count }: SeedRange, threads: number, index: number): SeedRange {
  return { first: first + index, count: Math.ceil((count - index) / threads), stride: threads };
}

function runShard(range: SeedRange, onDone: () => void): Promise<Totals> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('shard.ts', import.meta.url), { workerData: range });
    worker.on('message', (message: ShardMessage) => {
      if ('totals' in message) resolve(message.totals);
      else onDone();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      reject(new Error(`a thread ended with ${String(code)} before it had told what came of its seeds`));
    });
  });
}

function sum(a: Totals, b: Totals): Totals {
  const counts: Record<string, number> = { ...a.counts };
  for (const [what, times] of Object.entries(b.counts)) counts[what] = (counts[what] ?? 0) + times;
  return {
    seeds: a.seeds + b.seeds,
    steps: a.steps + b.steps,
    virtualMs: a.virtualMs + b.virtualMs,
    counts,
    failures: [...a.failures, ...b.failures].toSorted((one, other) => one.seed - other.seed).slice(0, FAILURES_KEPT),
  };
}
