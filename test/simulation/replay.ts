import { missing, tell, tellFailure } from './report.ts';
import { runSeeds } from './seeds.ts';
import { simulate } from './simulation.ts';

const USAGE = `usage: node test/simulation/replay.ts SEED          all that happens with that seed
       node test/simulation/replay.ts FIRST LAST    what comes of those seeds, in numbers
`;

const EXIT_BROKEN = 1;
const EXIT_USAGE = 2;

async function one(seed: number): Promise<boolean> {
  const { violations, trace, digest, steps } = await simulate(String(seed), { keepTrace: true });
  console.log(violations.length > 0 ? tellFailure({ seed, violations, trace }) : trace);
  console.log(`${String(steps)} steps, digest ${digest}`);
  return violations.length === 0;
}

async function range(first: number, last: number): Promise<boolean> {
  const seeds = { first, count: last - first + 1 };
  const totals = await runSeeds(seeds, () => undefined);
  console.log(tell(seeds, totals));
  const absent = missing(totals);
  if (absent.length > 0) console.log(`never happened: ${absent.join(', ')}`);
  for (const failure of totals.failures) console.log(tellFailure(failure));
  return totals.failures.length === 0;
}

const [first, last, ...more] = process.argv.slice(2).map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : null));
if (first === undefined || first === null || last === null || more.length > 0 || (last ?? first) < first) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
} else if (!(await (last === undefined ? one(first) : range(first, last)))) {
  process.exitCode = EXIT_BROKEN;
}
