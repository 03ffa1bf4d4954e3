import { expect, test, vi } from 'vitest';
import { simulate } from './simulation.ts';

const SEEDS = ['0', '3', '7', '12', '25'];
const YEAR_MS = 365 * 24 * 3_600_000;

async function digests(): Promise<string[]> {
  const all: string[] = [];
  for (const seed of SEEDS) all.push((await simulate(seed)).digest);
  return all;
}

test('a seed gives the same world twice', async () => {
  const first = await digests();
  expect(new Set(first).size).toBe(SEEDS.length);
  expect(await digests()).toEqual(first);
});

test('nothing of the real world leaks in: no clock, no chance, no timer', async () => {
  const before = await digests();
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + YEAR_MS);
  vi.spyOn(performance, 'now').mockReturnValue(YEAR_MS);
  vi.spyOn(Math, 'random').mockReturnValue(0.25);
  const chance = [vi.spyOn(crypto, 'getRandomValues'), vi.spyOn(crypto, 'randomUUID')];
  const timers = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')];
  expect(await digests()).toEqual(before);
  for (const spy of [...chance, ...timers]) expect(spy).not.toHaveBeenCalled();
});

test('another seed gives another world, and nothing is broken by telling all of it', async () => {
  const [short, long] = [await simulate('4'), await simulate('4', { keepTrace: true })];
  expect(long.digest).toBe(short.digest);
  expect(long.trace.length).toBeGreaterThanOrEqual(short.trace.length);
  expect((await simulate('5')).digest).not.toBe(short.digest);
});
