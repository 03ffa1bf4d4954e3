import { parentPort, workerData } from 'node:worker_threads';
import { runSeeds, type SeedRange, type ShardMessage } from './seeds.ts';

/** A thread of its own for some of the seeds. */
const say = (message: ShardMessage): void => parentPort?.postMessage(message);

let done = 0;
const totals = await runSeeds(workerData as SeedRange, () => {
  done += 1;
  say({ done });
});
say({ totals });
