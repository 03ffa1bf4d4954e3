/** `npm run bench`: what a reset costs beside bare `chpasswd`, and what an agent costs at rest. See README.md. */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';

import { tableOf, type Report } from './figures.ts';
import { measure } from './rounds.ts';
import { openStage } from './stage.ts';

const ROUNDS = 25;
const USAGE = `Usage: npm run bench -- [--rounds N] [--json]

Measures, in turns and in one run, one reset against bare chpasswd on the same throwaway instance: the agent's part of
it, and the whole path from a request to the control plane. Then the memory of an agent at rest. Needs Linux and root.

  --rounds N   how often each is measured (default ${String(ROUNDS)})
  --json       the figures as JSON instead of a table`;

class WrongUse extends Error {}

/** Null where help was asked for. */
function options(): { rounds: number; json: boolean } | null {
  const { values } = parseOrRefuse();
  if (values.help) return null;
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new WrongUse('--rounds takes a whole number from 1');
  return { rounds, json: values.json };
}

function parseOrRefuse() {
  try {
    return parseArgs({
      options: {
        rounds: { type: 'string', default: String(ROUNDS) },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new WrongUse(error instanceof Error ? error.message : String(error));
  }
}

async function main(): Promise<number> {
  const asked = options();
  if (asked === null) {
    console.log(USAGE);
    return 0;
  }
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.error('bench: needs Linux and root, for an instance with account files of its own. Run it as root.');
    return 77;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => interrupted.abort(new Error(`ended early, by ${name}`)));
  }
  const [loadBefore = 0] = loadavg();
  const started = performance.now();
  // Progress is for a person: a pipe gets the figures only.
  const progress = (text: string): boolean => process.stderr.isTTY && process.stderr.write(`\r\u001b[K${text}`);
  progress('Starting an instance, a control plane and two agents …');
  await using stage = await openStage(interrupted.signal);
  const found = await measure(stage, asked.rounds, (done) => {
    progress(`Round ${String(done)} of ${String(asked.rounds)}`);
  });
  progress('');
  const report: Report = {
    date: new Date().toISOString().slice(0, 10),
    cpus: availableParallelism(),
    loadBefore,
    loadAfter: loadavg()[0] ?? 0,
    rounds: asked.rounds,
    tookMs: Math.round(performance.now() - started),
    ...found,
  };
  console.log(asked.json ? JSON.stringify(report, null, 2) : tableOf(report));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof WrongUse) console.error(USAGE);
  process.exitCode = error instanceof WrongUse ? 2 : 1;
}
