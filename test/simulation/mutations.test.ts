import { expect, test } from 'vitest';
import { MUTATIONS, type Mutation } from './mutations/mutations.ts';
import { simulate } from './simulation.ts';
import { PROMISES } from './truth/promises.ts';

/** A part that is broken must be found out by then. */
const SEEDS_MAX = 120;
const TIMEOUT_MS = 5 * 60_000;

/** The first seed that shows it. */
async function findOut({ sabotage, climate, breaks }: Mutation): Promise<{ seed: number; what: string } | null> {
  for (let seed = 0; seed < SEEDS_MAX; seed += 1) {
    const { violations } = await simulate(String(seed), { sabotage, climate });
    const found = violations.find(({ promise }) => breaks.includes(promise));
    if (found !== undefined) return { seed, what: `${found.promise}: ${found.what}` };
  }
  return null;
}

test.each(MUTATIONS)(
  '$name is found out',
  async (mutation) => {
    const found = await findOut(mutation);
    console.log(`${mutation.name}: seed ${String(found?.seed)}, ${String(found?.what)}`);
    expect(found).not.toBeNull();
  },
  TIMEOUT_MS,
);

test.each(MUTATIONS.filter(({ climate }) => Object.keys(climate).length > 0))(
  'the world of $name is no harder than a sound part can bear',
  async ({ climate }) => {
    for (let seed = 0; seed < 3; seed += 1) {
      expect((await simulate(String(seed), { climate })).violations).toEqual([]);
    }
  },
  TIMEOUT_MS,
);

test('most of the promises are seen to break when something is wrong', () => {
  const broken = new Set(MUTATIONS.flatMap(({ breaks }) => breaks));
  expect(Object.keys(PROMISES).filter((name) => !broken.has(name as keyof typeof PROMISES))).toEqual([
    'nothing breaks inside',
    'orders are well formed',
    'no order outlives its session',
    'only the owner unseals',
    'every task ends',
    'nothing is lost',
    'the newest password works',
    'the audit is a chain',
  ]);
});
