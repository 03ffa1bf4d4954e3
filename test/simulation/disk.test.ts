import { expect, test } from 'vitest';
import { Life } from './engine/life.ts';
import { createPrng } from './engine/prng.ts';
import { Scheduler } from './engine/scheduler.ts';
import { Disk } from './fakes/disk.ts';

const UNWATCHED = { writing: () => undefined, written: () => undefined, torn: () => undefined };

/** Lets what waits for the simulated clock happen. */
async function settled<T>(scheduler: Scheduler, promise: Promise<T>): Promise<T> {
  await scheduler.run(scheduler.now() + 1);
  return promise;
}

// Readers zero what they were given, and writers what they gave: of a Buffer, `slice` would be the same memory.
test('a disk shares no memory with those who read and write it', async () => {
  const scheduler = new Scheduler();
  const disk = new Disk(createPrng('disk'));
  const life = new Life({ scheduler, hazard: { strikes: () => false }, onKilled: () => undefined });
  const storage = disk.openFor(life, UNWATCHED);
  const [one, more] = [Buffer.from('one'), Buffer.from(' more')];
  await settled(scheduler, storage.replace('key', one));
  await settled(scheduler, storage.append('key', more));
  const copy = disk.copy(createPrng('copy'));
  one.fill(0);
  more.fill(0);
  (await settled(scheduler, storage.read('key')))?.fill(0);
  copy.files.get('key')?.fill(0);
  expect(Buffer.from((await settled(scheduler, storage.read('key'))) ?? []).toString()).toBe('one more');
});
