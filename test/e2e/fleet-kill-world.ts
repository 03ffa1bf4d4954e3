import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { Instance, Reset, Task } from '#protocol';
import type { Prng } from '../simulation/engine/prng.ts';
import type { Host } from '../support/hosts/host.ts';
import { until } from '../support/hosts/until.ts';
import { newPassword, openWorld, type World } from './world.ts';

export const UNIT = 'latchkey-agent.service';
export const ACCOUNTS = ['alice', 'bob'] as const;
export const BEFORE = 'Old-Password-1';

/** More at once, and a start of systemd takes longer than its deadline on a small machine. */
const BOOTING_MAX = 4;
const API_SECONDS_MAX = 30;

/** One batch that was asked for, whether or not it was accepted. */
export interface Wish {
  readonly account: string;
  /** Of all hosts, or of each by its name where the command line made them. */
  readonly password: string | ReadonlyMap<string, string>;
  /** Wall clock around the command. Batches go one after the other, so this tells which reset is whose. */
  readonly from: number;
  readonly to: number;
  /** What the command line said; null where it said that nothing was started. */
  readonly id: string | null;
}

/** How a batch is asked for. */
export interface Ask {
  readonly account: string;
  readonly supersede: boolean;
  readonly generate: boolean;
  /** How many hosts at once: few make it last, so that the next one meets what is not done yet. */
  readonly concurrency: number;
}

export interface Fleet extends AsyncDisposable {
  readonly world: World;
  readonly hosts: readonly Host[];
  readonly wishes: Wish[];
  /** Asks for one batch over all hosts, and does not wait for its end. */
  ask(how: Ask): Promise<Wish>;
  /** Every reset that the API lists, with its tasks. */
  resets(): Promise<{ readonly reset: Reset; readonly tasks: readonly Task[] }[]>;
  instances(): Promise<readonly Instance[]>;
}

export async function openFleet(count: number): Promise<Fleet> {
  const world = await openWorld();
  const hosts: Host[] = [];
  const accounts = ACCOUNTS.map((name) => ({ name, password: BEFORE }));
  for (let from = 0; from < count; from += BOOTING_MAX) {
    const some = Array.from({ length: Math.min(BOOTING_MAX, count - from) }, (_, n) => from + n + 1);
    const boot = async (n: number): Promise<Host> => {
      const host = await world.host({ name: `fleet-${String(n).padStart(2, '0')}`, accounts });
      // systemd would give up on an agent that is killed this often within seconds.
      await host.writeFile(`/etc/systemd/system/${UNIT}.d/test.conf`, '[Unit]\nStartLimitIntervalSec=0\n');
      await host.must(['systemctl', 'daemon-reload']);
      return host;
    };
    hosts.push(...(await Promise.all(some.map(boot))));
  }
  const token = (await readFile(join(world.directory, 'keys', 'administrator-token'), 'utf8')).trim();
  const get = createGet(world, token);
  const wishes: Wish[] = [];
  return {
    ...{ world, hosts, wishes },
    async ask(how) {
      const wish = await ask(world, hosts, how);
      wishes.push(wish);
      return wish;
    },
    async resets() {
      const { items } = await get('/resets?limit=1000', z.object({ items: z.array(Reset) }));
      const tasks = z.object({ items: z.array(Task) });
      const found = [];
      for (const reset of items)
        found.push({ reset, tasks: (await get(`/resets/${reset.id}/tasks?limit=1000`, tasks)).items });
      return found;
    },
    instances: async () => (await get('/instances?limit=1000', z.object({ items: z.array(Instance) }))).items,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** The API by its own words, since the command line does not print generations. The token goes by standard input. */
function createGet(world: World, token: string) {
  return async <S extends z.ZodType>(path: string, schema: S): Promise<z.infer<S>> => {
    const flags = ['--silent', '--show-error', '--fail', '--max-time', String(API_SECONDS_MAX)];
    const { code, stdout, stderr } = await world.fabric.exec(
      [
        'curl',
        ...flags,
        '--cacert',
        join(world.directory, 'keys', 'ca.crt'),
        '--config',
        '-',
        `${world.url}/api/v1${path}`,
      ],
      { input: `header = "authorization: Bearer ${token}"\n` },
    );
    if (code !== 0) throw new Error(`${path} was not answered: ${stderr}`);
    return schema.parse(JSON.parse(stdout));
  };
}

const Answer = z.object({
  id: z.string().optional(),
  tasks: z.array(z.object({ instance: z.string(), password: z.string().optional() })).optional(),
});

async function ask(
  world: World,
  hosts: readonly Host[],
  { account, supersede, generate, concurrency }: Ask,
): Promise<Wish> {
  const password = newPassword();
  const args = [
    'reset',
    ...hosts.map((host) => host.name),
    '--account',
    account,
    '--skip-blocked',
    '--trust-new', // some are pinned by an earlier reset, others not yet
    '--no-wait',
    '--json',
  ];
  args.push('--concurrency', String(concurrency));
  if (supersede) args.push('--supersede');
  const from = Date.now();
  const { code, stdout, stderr } = generate
    ? await world.latchkey([...args, '--generate'])
    : await world.latchkey([...args, '--password-stdin'], `${password}\n`);
  const to = Date.now();
  // With 2 nothing was done, as while the control plane is down; every other exit must come with an answer.
  if (code !== 0 && code !== 1 && code !== 2) throw new Error(`the command line ended with ${String(code)}: ${stderr}`);
  const { id = null, tasks = [] } = Answer.parse(JSON.parse(stdout));
  const own = new Map(tasks.flatMap((task) => (task.password === undefined ? [] : [[task.instance, task.password]])));
  return { account, from, to, id: code === 2 ? null : id, password: generate ? own : password };
}

/** Kills agents, one or a few at a time, as the kernel does for want of memory; systemd starts them again. */
export async function killAgents(hosts: readonly Host[], chance: Prng): Promise<number> {
  const victims = chance.some(hosts, 0.08);
  const whom = chance.pick(['main', 'all']);
  const deaths = [];
  for (const host of victims) deaths.push(await killAgent(host, whom));
  return deaths.filter(Boolean).length;
}

/** False where nothing was left to kill: it was killed a moment before, and systemd has not started it again yet. */
async function killAgent(host: Host, whom: string): Promise<boolean> {
  const { code, stderr } = await host.exec(['systemctl', 'kill', `--kill-whom=${whom}`, '--signal=KILL', UNIT]);
  if (code !== 0 && !stderr.includes('No main process to kill')) throw new Error(`${host.name}: ${stderr}`);
  return code === 0;
}

/** Resolves once all agents are back, and every task has ended. */
export async function quiet(fleet: Fleet, deadlineMs: number): Promise<void> {
  let standing: unknown;
  await until(
    async () => {
      const away = (await fleet.instances()).filter((instance) => instance.agent.state !== 'running');
      const open = (await fleet.resets()).filter(({ reset }) => reset.finishedAt === null);
      standing = {
        away: away.map(({ name, agent }) => [name, agent.state, agent.reasons.map((reason) => reason.code)]),
        open: open.map(({ reset, tasks }) => [
          reset.id,
          reset.counts,
          tasks.map((task) => [task.instance, task.state]),
        ]),
      };
      return away.length === 0 && open.length === 0;
    },
    { what: () => `everything to come to rest: ${JSON.stringify(standing)}`, deadlineMs, everyMs: 2_000 },
  );
}
