import { expect, test, vi } from 'vitest';
import { MUTATIONS } from './mutations/mutations.ts';
import { expectPromisesKept, rangeOf } from './range.ts';
import { EXPECTED, missing, tellFailure } from './report.ts';
import { NOTHING, runSeeds, runSharded } from './seeds.ts';
import { simulate } from './simulation.ts';

test('threads live the same worlds as one after another', async () => {
  const range = { first: 100, count: 7 };
  let heard = 0;
  const sharded = await runSharded(range, 3, (done) => {
    heard = done;
  });
  expect(heard).toBe(range.count);
  expect(sharded).toEqual(await runSeeds(range, () => undefined));
});

test('a range in which too little happens fails, and says what did not happen', async () => {
  expect(missing(NOTHING)).toEqual(EXPECTED);
  await expect(expectPromisesKept({ first: 0, count: 1 })).rejects.toThrow('never happened');
});

test('a broken promise is told with its seed, the end of the trace and the command that shows it again', async () => {
  const mutation = MUTATIONS.find(({ name }) => name === 'an agent that takes one account for the other');
  const { violations, trace } = await simulate('0', mutation);
  const text = tellFailure({ seed: 0, violations, trace });
  expect(text).toContain('seed 0 breaks "only what was asked for happens"');
  expect(text).toContain('VIOLATION');
  expect(text).toContain('node test/simulation/replay.ts 0');
});

test.each(['-1', '1.5', 'one', '0x10', ' 7'])('LATCHKEY_SEED=%s is refused', (text) => {
  vi.stubEnv('LATCHKEY_SEED', text);
  expect(() => rangeOf(3, 10)).toThrow('LATCHKEY_SEED');
});

test.each([
  [undefined, 10],
  ['', 10],
  ['5000', 5_000],
])('LATCHKEY_SEED=%s begins at %i', (text, first) => {
  vi.stubEnv('LATCHKEY_SEED', text);
  expect(rangeOf(3, 10)).toEqual({ first, count: 3 });
});
