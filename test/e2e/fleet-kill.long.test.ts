import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Reset, Task } from '#protocol';
import { createPrng, type Prng } from '../simulation/engine/prng.ts';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly, sshLogin } from '../support/hosts/login.ts';
import { ACCOUNTS, BEFORE, killAgents, openFleet, quiet, type Fleet, type Wish } from './fleet-kill-world.ts';
import { passwordsAllowed, type Ended } from './fleet-truth.ts';
import { newPassword } from './world.ts';

const HOSTS = 20;
/** How long things are killed. `LATCHKEY_KILL_SECONDS` makes a shorter trial of it. */
const KILLING_MS = Number(process.env['LATCHKEY_KILL_SECONDS'] ?? '300') * 1_000;
/** Until everything has come to rest: an agent that failed often comes back after up to a minute. */
const QUIET_MS_MAX = 5 * 60_000;
/** `LATCHKEY_SEED` decides again whom it meets, and when. What the machine makes of it is not repeated. */
const SEED = process.env['LATCHKEY_SEED'] ?? randomUUID();
/** Fewer, and too little has happened to say anything. */
const BATCHES_MIN = Math.floor(KILLING_MS / 30_000);
/** Logins at once: each costs a hash, and a wrong one a wait. */
const LOGINS_MAX = 5;

let fleet: Fleet;
const killed = { agents: 0, controlPlanes: 0 };

beforeAll(async () => {
  console.log(`LATCHKEY_SEED=${SEED}`);
  fleet = await openFleet(HOSTS);
}, 900_000);

afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

/** One batch after the other, some while the one before goes on. */
async function askAgainAndAgain(chance: Prng, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const [account, supersede, generate] = [chance.pick(ACCOUNTS), chance.chance(0.5), chance.chance(0.3)];
    await fleet.ask({ account, supersede, generate, concurrency: chance.pick([1, 3, 50]) });
    await delay(chance.chance(0.5) ? 0 : chance.int(0, 6_000));
  }
}

async function killAgentsNowAndThen(chance: Prng, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await delay(chance.int(500, 4_000));
    killed.agents += await killAgents(fleet.hosts, chance);
  }
}

async function killControlPlaneNowAndThen(chance: Prng, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await delay(chance.int(5_000, 30_000));
    await fleet.world.controlPlane.kill('SIGKILL');
    killed.controlPlanes += 1;
    await delay(chance.int(0, 2_000));
    await fleet.world.controlPlane.start();
  }
}

/** The wish that a reset came from: batches go one after the other, so no two were under way at its moment. */
function wishOf(reset: Reset): Wish {
  const [wish, ...more] = fleet.wishes.filter(({ from, to }) => reset.requestedAt >= from && reset.requestedAt <= to);
  if (wish === undefined || more.length > 0) throw new Error(`nobody asked for reset ${reset.id}`);
  return wish;
}

function endedOf(task: Task, { password }: Wish): Ended {
  const { generation, state, code } = task;
  const own = typeof password === 'string' ? password : password.get(task.instance);
  if (own === undefined) throw new Error(`${task.instance} got a password that nobody was shown: ${state}`);
  return { generation, state, code, password: own };
}

/** By real logins: of the passwords that the states allow, exactly one opens the account. */
async function expectTruth(host: Host, account: string, allowed: readonly string[]): Promise<void> {
  const verdicts = await Promise.all(allowed.map((password) => sshLogin(host, account, password)));
  const works = verdicts.filter((verdict) => verdict === 'accepted').length;
  expect(works, `${account} on ${host.name}: passwords that open it, of ${String(allowed.length)} allowed`).toBe(1);
}

async function eachHost(work: (host: Host) => Promise<void>): Promise<void> {
  const waiting = [...fleet.hosts];
  const worker = async (): Promise<void> => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) await work(host);
  };
  await Promise.all(Array.from({ length: LOGINS_MAX }, worker));
}

describe(`${String(HOSTS)} hosts whose agents and control plane are killed at random`, () => {
  let found: Awaited<ReturnType<Fleet['resets']>> = [];

  test(
    'come to rest, and no task is left open',
    async () => {
      const chance = createPrng(SEED);
      const end = performance.now() + KILLING_MS;
      let broken = false;
      const isOver = (): boolean => broken || performance.now() > end;
      const all = [askAgainAndAgain, killAgentsNowAndThen, killControlPlaneNowAndThen].map(async (part) => {
        try {
          await part(chance.fork(part.name), isOver);
        } catch (error) {
          // The others are to end too, or the world would be taken from under them.
          broken = true;
          throw error;
        }
      });
      await Promise.allSettled(all);
      await Promise.all(all);
      await quiet(fleet, QUIET_MS_MAX);
      found = await fleet.resets();
    },
    KILLING_MS + QUIET_MS_MAX + 120_000,
  );

  test('lose nothing: each batch that was accepted is there, with a task for each host', () => {
    expect(found.length, 'too few batches').toBeGreaterThanOrEqual(BATCHES_MIN);
    const known = new Set<string>(found.map(({ reset }) => reset.id));
    for (const { id } of fleet.wishes) if (id !== null) expect(known, 'a batch that was accepted').toContain(id);
    for (const { reset, tasks } of found) {
      expect(new Set(tasks.map((task) => task.instance)).size).toBe(HOSTS);
      expect(tasks).toHaveLength(HOSTS);
      expect(reset.counts).toMatchObject({ total: HOSTS, pending: 0 });
    }
    tell(found.flatMap(({ tasks }) => tasks));
  });

  test('have the newest password that succeeded, or one that what came after it allows', async () => {
    for (const account of ACCOUNTS) {
      const resets = found.map(({ reset, tasks }) => ({ tasks, wish: wishOf(reset) }));
      const own = resets.filter(({ wish }) => wish.account === account);
      await eachHost(async (host) => {
        const tasks = own.flatMap(({ tasks, wish }) =>
          tasks
            .filter((task) => task.instance === host.name && task.state !== 'blocked')
            .map((task) => endedOf(task, wish)),
        );
        await expectTruth(host, account, passwordsAllowed(tasks, BEFORE));
      });
    }
  }, 900_000);

  test('take the next batch as if nothing had been, every one by a login', async () => {
    const password = newPassword();
    const names = fleet.hosts.map((host) => host.name);
    const { report } = await fleet.world.reset([...names, '--account', 'alice', '--trust-new'], password);
    expect(report.tasks.filter((task) => task.verifiedBy !== 'login')).toEqual([]);
    await eachHost((host) => expectOnly(host, 'alice', { accepted: password, refused: [BEFORE] }));
  }, 600_000);
});

function tell(tasks: readonly Task[]): void {
  const counts: Record<string, number> = {};
  for (const { state, code } of tasks) {
    const what = code === null ? state : `${state} (${code})`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  const batches = tasks.length / HOSTS;
  console.log(`${String(batches)} batches; killed: ${JSON.stringify(killed)}; tasks: ${JSON.stringify(counts)}`);
}
