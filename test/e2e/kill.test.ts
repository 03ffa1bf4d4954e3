import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly, suLogin } from '../support/hosts/login.ts';
import { until } from '../support/hosts/until.ts';
import { newPassword, openWorld, type ResetReport, type World } from './world.ts';

const UNIT = 'latchkey-agent.service';

/** Where the reset stands when the agent is killed, by a mark that the host itself leaves at that place. */
const MOMENTS = [
  'before the database is written',
  'after the database was written and before the script has said so',
  'while the proof is made',
] as const;
const MARKS: Record<(typeof MOMENTS)[number], string> = {
  'before the database is written': '/run/reset-begins',
  'after the database was written and before the script has said so': '/run/reset-written',
  'while the proof is made': '/run/reset-proof',
};
/** Who is killed: the agent alone, as by the kernel for want of memory, or all that it has started too. */
const WHOM = ['main', 'all'] as const;

/** Leaves the marks, and stays at each for as long as the kill takes to come. */
const SLOW_CHPASSWD = `#!/bin/sh
touch /run/reset-begins; [ ! -e /run/hold ] || sleep 1
/usr/sbin/chpasswd.real "$@"; code=$?
touch /run/reset-written; [ ! -e /run/hold ] || sleep 1
exit $code
`;
const SLOW_PROOF = `#!/bin/sh
touch /run/reset-proof; [ ! -e /run/hold ] || sleep 1
`;

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
  const [slow] = hosts;
  await slow.must(['mv', '/usr/sbin/chpasswd', '/usr/sbin/chpasswd.real']);
  await slow.writeFile('/usr/sbin/chpasswd', SLOW_CHPASSWD);
  await slow.writeFile('/usr/local/sbin/slow-proof', SLOW_PROOF);
  await slow.must(['chmod', '0755', '/usr/sbin/chpasswd', '/usr/local/sbin/slow-proof']);
  await slow.must(['sed', '-i', '1i auth optional pam_exec.so /usr/local/sbin/slow-proof', '/etc/pam.d/login']);
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

describe('an agent killed in a reset', () => {
  let current = 'Old-Password-1';

  test.each(MOMENTS.flatMap((moment) => WHOM.map((whom) => [moment, whom] as const)))(
    '%s (%s) leaves the task in a true state, and the newest password is the one that works',
    async (moment, whom) => {
      const [host] = hosts;
      const mark = MARKS[moment];
      const password = newPassword();
      await host.must(['rm', '-f', ...Object.values(MARKS)]);
      await host.must(['touch', '/run/hold']);
      const { report } = await world.reset(['kill-1', '--account', 'alice', '--no-wait'], password);
      const passed = async (path: string) => (await host.exec(['test', '-e', path])).code === 0;
      await until(() => passed(mark), { what: () => `the reset to come to ${mark}`, deadlineMs: 20_000 });
      await host.must(['systemctl', 'kill', `--kill-whom=${whom}`, '--signal=KILL', UNIT]);
      await host.must(['rm', '/run/hold']);
      const [task] = await ended(report.id);
      // It is run again, since it is the newest: in the end it is applied, and proven.
      expect(task).toMatchObject({ state: 'succeeded', verifiedBy: 'login' });
      current = await expectTruth(host, task, password, current);
      await world.state('kill-1', 'running');
    },
    60_000,
  );

  test('again and again while resets come in resets nothing to an older password', async () => {
    const [host] = hosts;
    for (let round = 0; round < 5; round += 1) {
      const password = newPassword();
      const { report } = await world.reset(['kill-1', '--account', 'alice', '--no-wait', '--supersede'], password);
      await host.must(['systemctl', 'kill', '--signal=KILL', UNIT]);
      const [task] = await ended(report.id);
      current = await expectTruth(host, task, password, current);
      await world.state('kill-1', 'running');
    }
  }, 120_000);
});

describe('a control plane killed in the middle of a batch', () => {
  test.each([40, 200])(
    'after %d ms comes back, and every task ends as it should',
    async (killAfterMs) => {
      const password = newPassword();
      const names = hosts.map((host) => host.name);
      const { report } = await world.reset(
        [...names, '--account', 'alice', '--no-wait', '--supersede', '--trust-new'],
        password,
      );
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
