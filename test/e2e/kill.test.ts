import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly, suLogin } from '../support/hosts/login.ts';
import { until } from '../support/hosts/until.ts';
import { newPassword, openWorld, type ResetReport, type World } from './world.ts';

const UNIT = 'latchkey-agent.service';
/** Reaches from before the order has arrived to after the proof: a reset takes about 100 ms. */
const KILL_AFTER_MS = [0, 10, 20, 35, 50, 70, 90, 120, 160, 220];

let world: World;
let hosts: readonly [Host, Host, Host];

beforeAll(async () => {
  world = await openWorld();
  const boot = (name: string) => world.host({ name, accounts: [{ name: 'alice', password: 'Old-Password-1' }] });
  hosts = await Promise.all([boot('kill-1'), boot('kill-2'), boot('kill-3')]);
  for (const host of hosts) {
    // systemd would give up on an agent that is killed this often within seconds.
    await host.writeFile(`/etc/systemd/system/${UNIT}.d/test.conf`, '[Unit]\nStartLimitIntervalSec=0\n');
    await host.must(['systemctl', 'daemon-reload']);
  }
}, 300_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

type Task = ResetReport['tasks'][number];

async function ended(id: string): Promise<readonly Task[]> {
  let tasks: readonly Task[] = [];
  await until(
    async () => {
      const shown = await world.latchkey(['resets', 'show', id, '--json']);
      if (shown.code === 2) return false;
      tasks = (JSON.parse(shown.stdout) as ResetReport).tasks;
      return tasks.every((task) => ['succeeded', 'failed', 'outcome-unknown', 'blocked'].includes(task.state));
    },
    { what: () => `the reset to end: ${JSON.stringify(tasks)}`, deadlineMs: 90_000 },
  );
  return tasks;
}

/** What is true of the account must fit what was said: the password works if and only if the task says so. */
async function expectTruth(host: Host, task: Task | undefined, password: string, before: string): Promise<string> {
  if (task?.state === 'succeeded') {
    await expectOnly(host, 'alice', { accepted: password, refused: [before] });
    return password;
  }
  if (task?.state === 'failed' || task?.state === 'blocked') {
    await expectOnly(host, 'alice', { accepted: before, refused: [password] });
    return before;
  }
  expect(task?.state).toBe('outcome-unknown');
  const works = (await suLogin(host, 'alice', password)) === 'accepted' ? password : before;
  expect(await suLogin(host, 'alice', works)).toBe('accepted');
  return works;
}

describe('an agent killed at any moment of a reset', () => {
  test('leaves every task in a true state, and the newest password is the one that works', async () => {
    const [host] = hosts;
    let current = 'Old-Password-1';
    const states: string[] = [];
    for (const killAfterMs of KILL_AFTER_MS) {
      const password = newPassword();
      const { report } = await world.reset(['kill-1', '--account', 'alice', '--no-wait'], password);
      await delay(killAfterMs);
      await host.must(['systemctl', 'kill', '--signal=KILL', UNIT]);
      const [task] = await ended(report.id);
      states.push(`${String(killAfterMs)} ms: ${task?.state ?? 'none'} ${task?.code ?? ''}`);
      current = await expectTruth(host, task, password, current);
      await world.state('kill-1', 'running');
    }
    console.log(states.join('\n'));
    // A reset that nobody disturbs works at once after all that.
    const last = newPassword();
    const { code } = await world.reset(['kill-1', '--account', 'alice'], last);
    expect(code).toBe(0);
    await expectOnly(host, 'alice', { accepted: last, refused: [current] });
  }, 300_000);
});

describe('a control plane killed in the middle of a batch', () => {
  test.each([5, 40, 90, 200])(
    'after %d ms comes back, and every task ends as it should',
    async (killAfterMs) => {
      const password = newPassword();
      const names = hosts.map((host) => host.name);
      const { report } = await world.reset([...names, '--account', 'alice', '--no-wait', '--supersede'], password);
      await delay(killAfterMs);
      await world.controlPlane.kill('SIGKILL');
      await world.controlPlane.start();
      for (const name of names) await world.state(name, 'running');
      const tasks = await ended(report.id);
      expect(tasks.map((task) => task.state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
      await Promise.all(hosts.map((host) => expectOnly(host, 'alice', { accepted: password, refused: [] })));
    },
    120_000,
  );
});
