/** `npm run bench`: figures for people, ratios within one run. See README.md. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { agent } from './agent.ts';
import { columns, loadText, type Bench, type BenchOptions, type BenchResult } from './bench.ts';
import { connections } from './connections.ts';
import { consoleBench } from './console.ts';
import { fleet } from './fleet.ts';
import { frozen } from './frozen.ts';
import { reconnect } from './reconnect.ts';
import { reset } from './reset.ts';

const BENCHES: readonly Bench[] = [reset, connections, reconnect, agent, frozen, consoleBench, fleet];
const USAGE = `Usage: npm run bench -- [NAME…] [options]

Measures Latchkey beside its rivals, in turns and in one run. Without a name: all. Needs Linux and root.

  --list       what there is, what each needs and how long it takes
  --rounds N   how often each is measured
  --agents N   how many simulated agents (connections, reconnect)
  --hosts N    how many light hosts (fleet)
  --instances N, --tasks N
               how many instances are listed, how many tasks a batch has (console)
  --seconds N  how long processes at rest are watched (connections, agent)
  --json       the figures as JSON instead of tables`;

class WrongUse extends Error {}

interface Asked {
  readonly benches: readonly Bench[];
  readonly options: BenchOptions;
  readonly json: boolean;
  /** Only the list, or only the usage. */
  readonly only: 'list' | 'usage' | null;
}

function asked(): Asked {
  const { values, positionals } = parseOrRefuse();
  const number = (name: keyof BenchOptions): number | null => {
    const text = values[name];
    if (text === undefined) return null;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw new WrongUse(`--${name} takes a whole number from 1`);
    return value;
  };
  const named = positionals.map((name) => {
    const bench = BENCHES.find((candidate) => candidate.name === name);
    if (bench === undefined) throw new WrongUse(`there is no bench "${name}"`);
    return bench;
  });
  return {
    benches: named.length > 0 ? named : BENCHES,
    options: {
      rounds: number('rounds'),
      agents: number('agents'),
      hosts: number('hosts'),
      instances: number('instances'),
      tasks: number('tasks'),
      seconds: number('seconds'),
    },
    json: values.json,
    only: values.help ? 'usage' : values.list ? 'list' : null,
  };
}

function parseOrRefuse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        list: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        agents: { type: 'string' },
        hosts: { type: 'string' },
        instances: { type: 'string' },
        tasks: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new WrongUse(error instanceof Error ? error.message : String(error));
  }
}

function announcement({ name, measures, needs, minutes }: Bench): string {
  return `${name}: ${measures}.\n  Needs ${needs}. About ${minutes} min on an idle machine.`;
}

interface Done extends BenchResult {
  readonly name: string;
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly tookMs: number;
}

async function run(bench: Bench, options: BenchOptions, signal: AbortSignal): Promise<Done> {
  console.error(announcement(bench));
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-bench-')); // 0700
  const [loadBefore = 0] = loadavg();
  const startedMs = performance.now();
  // Progress is for a person: a pipe gets the figures only.
  const progress = (text: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  };
  try {
    const result = await bench.run({ options, signal, directory, progress });
    const tookMs = Math.round(performance.now() - startedMs);
    return { name: bench.name, loadBefore, loadAfter: loadavg()[0] ?? 0, tookMs, ...result };
  } finally {
    progress('');
    await rm(directory, { recursive: true, force: true });
  }
}

function textOf({ name, loadBefore, loadAfter, tookMs, notes, tables }: Done): string {
  const minutes = (tookMs / 60_000).toFixed(1);
  return [
    `${name}: ${today()}, ${availableParallelism()} CPUs, ${loadText(loadBefore, loadAfter)}, ${minutes} min.`,
    ...notes,
    ...tables.flatMap((rows) => ['', ...columns(rows)]),
    '',
  ].join('\n');
}

const today = (): string => new Date().toISOString().slice(0, 10);

async function main(): Promise<number> {
  const { benches, options, json, only } = asked();
  if (only !== null) {
    console.log(only === 'usage' ? USAGE : benches.map(announcement).join('\n'));
    return 0;
  }
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.error('bench: needs Linux and root, for instances with account files of their own. Run it as root.');
    return 77;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => interrupted.abort(new Error(`ended early, by ${name}`)));
  }
  const done: Done[] = [];
  for (const bench of benches) {
    const one = await run(bench, options, interrupted.signal);
    done.push(one);
    if (!json) console.log(textOf(one));
  }
  if (json) console.log(JSON.stringify({ date: today(), cpus: availableParallelism(), benches: done }, null, 2));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof WrongUse) console.error(USAGE);
  process.exitCode = error instanceof WrongUse ? 2 : 1;
}
