import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { newPassword, openWorld, type World } from './world.ts';

/** What a host's accounts have at first. */
const OLD = 'Old-Password-1';

let world: World;
let hosts: readonly [Host, Host, Host];

beforeAll(async () => {
  world = await openWorld();
  const options = (name: string) => ({
    name,
    accounts: [
      { name: 'root', password: OLD },
      { name: 'alice', password: OLD },
    ],
  });
  hosts = await Promise.all([world.host(options('web-1')), world.host(options('web-2')), world.host(options('web-3'))]);
}, 300_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const SUCCEEDED = { state: 'succeeded', code: null, verifiedBy: 'login' };

describe('a password reset on a booted host', () => {
  test.each(['alice', 'root'])(
    'makes the new password of %s work and the old one not, over ssh and su',
    async (account) => {
      const [host] = hosts;
      const password = newPassword();
      const { code, report } = await world.reset(['web-1', '--account', account], password);
      expect(report.tasks).toMatchObject([{ instance: 'web-1', ...SUCCEEDED }]);
      expect(code).toBe(0);
      await expectOnly(host, account, { accepted: password, refused: [OLD] });
    },
  );

  test('reports when it was applied and when it was proven, in milliseconds', async () => {
    const { report } = await world.reset(['web-1', '--account', 'alice'], newPassword());
    const [task] = report.tasks;
    expect(task?.appliedMs).toBeGreaterThan(0);
    expect(task?.verifiedMs).toBeGreaterThanOrEqual(task?.appliedMs ?? Number.NaN);
  });

  test('of three hosts at once sets the one password on each', async () => {
    const password = newPassword();
    const { code, report } = await world.reset(
      ['web-1', 'web-2', 'web-3', '--account', 'alice', '--trust-new'],
      password,
    );
    expect(code).toBe(0);
    expect(report.tasks.map((task) => task.state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    await Promise.all(hosts.map((host) => expectOnly(host, 'alice', { accepted: password, refused: [OLD] })));
  });

  test('generates a password for each host and shows it once', async () => {
    const { code, stdout } = await world.latchkey([
      'reset',
      'web-2',
      'web-3',
      '--account',
      'alice',
      '--generate',
      '--json',
    ]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { tasks: { instance: string; password: string }[] };
    const passwords = new Map(report.tasks.map((task) => [task.instance, task.password]));
    expect(new Set(passwords.values()).size).toBe(2);
    for (const host of hosts.slice(1)) {
      const own = passwords.get(host.name) ?? '';
      const other = [...passwords.values()].find((password) => password !== own) ?? '';
      await expectOnly(host, 'alice', { accepted: own, refused: [other] });
    }
  });

  test('finds its hosts by tag', async () => {
    await world.json(['instances', 'tag', 'web-3', 'tier=edge']);
    const { report } = await world.reset(['--tag', 'tier=edge', '--account', 'alice'], newPassword());
    expect(report.tasks.map((task) => task.instance)).toEqual(['web-3']);
  });

  test('as a dry run changes nothing', async () => {
    const before = await hosts[0].readFile('/etc/shadow');
    const { code } = await world.latchkey(['reset', 'web-1', '--account', 'alice', '--dry-run', '--json']);
    expect(code).toBe(0);
    expect(await hosts[0].readFile('/etc/shadow')).toBe(before);
  });

  test('without waiting says how to watch, and comes to its end', async () => {
    const password = newPassword();
    const { code, report } = await world.reset(['web-1', '--account', 'alice', '--no-wait'], password);
    expect(code).toBe(0);
    const watched = await world.latchkey(['resets', 'watch', report.id, '--json']);
    expect(watched.code).toBe(0);
    await expectOnly(hosts[0], 'alice', { accepted: password, refused: [OLD] });
  });
});

describe('the options of a reset', () => {
  test('must-change makes the first login ask for another password', async () => {
    const [host] = hosts;
    await host.must(['useradd', '--create-home', 'mia']);
    const { report } = await world.reset(['web-1', '--account', 'mia', '--must-change'], newPassword());
    expect(report.tasks).toMatchObject([{ ...SUCCEEDED, warnings: [] }]);
    expect(await host.must(['chage', '--list', 'mia'])).toContain('password must be changed');
  });

  test('unlock opens a locked account, which without it stays locked', async () => {
    const [host] = hosts;
    await host.must(['useradd', '--create-home', 'leo']);
    await host.must(['chpasswd'], { input: `leo:${OLD}` });
    await host.must(['usermod', '--lock', 'leo']);
    const kept = newPassword();
    const locked = await world.reset(['web-1', '--account', 'leo'], kept);
    expect(locked.report.tasks).toMatchObject([
      { state: 'succeeded', verifiedBy: 'hash', warnings: expect.arrayContaining(['account-locked']) as string[] },
    ]);
    expect((await host.must(['passwd', '--status', 'leo'])).split(' ')[1]).toBe('L');
    await expectOnly(host, 'leo', { refused: [kept, OLD] });
    const opened = newPassword();
    const unlocked = await world.reset(['web-1', '--account', 'leo', '--unlock'], opened);
    expect(unlocked.report.tasks).toMatchObject([SUCCEEDED]);
    await expectOnly(host, 'leo', { accepted: opened, refused: [kept, OLD] });
  });

  test('unexpire opens an expired account', async () => {
    const [host] = hosts;
    await host.must(['useradd', '--create-home', '--expiredate', '2020-01-01', 'eve']);
    const shut = await world.reset(['web-1', '--account', 'eve'], newPassword());
    expect(shut.report.tasks).toMatchObject([
      {
        state: 'succeeded',
        verifiedBy: 'authenticate',
        warnings: expect.arrayContaining(['account-expired']) as string[],
      },
    ]);
    const password = newPassword();
    const open = await world.reset(['web-1', '--account', 'eve', '--unexpire'], password);
    expect(open.report.tasks).toMatchObject([SUCCEEDED]);
    await expectOnly(host, 'eve', { accepted: password, refused: [OLD] });
  });
});

describe('a reset is refused', () => {
  test('for an account that does not exist, which it does not create', async () => {
    const { code, report } = await world.reset(['web-1', '--account', 'nobody-here'], newPassword());
    expect(code).toBe(1);
    expect(report.tasks).toMatchObject([{ state: 'failed', code: 'account-not-found' }]);
    expect((await hosts[0].exec(['getent', 'passwd', 'nobody-here'])).code).not.toBe(0);
  });

  test('for an account that a directory brings and the host does not have', async () => {
    const [host] = hosts;
    // A name service beside the local files; a directory's module answers in the same way.
    await host.writeFile('/var/lib/extrausers/passwd', 'remote:x:61000:61000::/home/remote:/bin/bash\n');
    await host.must(['sed', '-i', 's/^passwd:.*/passwd: files extrausers/', '/etc/nsswitch.conf']);
    const known = await host.exec(['getent', 'passwd', 'remote']);
    expect(known.code, 'the host must know the user for this test to mean something').toBe(0);
    const { report } = await world.reset(['web-1', '--account', 'remote'], newPassword());
    expect(report.tasks).toMatchObject([{ state: 'failed', code: 'account-not-local' }]);
  });

  test.each(['-rf', 'a b', 'root;id', '../x', 'x'.repeat(40)])(
    'for the unsafe account name %s, before anything is sent',
    async (name) => {
      const { code, stdout, stderr } = await world.latchkey(
        ['reset', 'web-1', `--account=${name}`, '--password-stdin', '--json'],
        `${newPassword()}\n`,
      );
      expect([code, stdout + stderr]).toEqual([2, expect.stringMatching(/account/i) as string]);
    },
  );

  test('for a password that breaks the rules, with every rule broken, before anything is sent', async () => {
    const { code, stdout } = await world.latchkey(
      ['reset', 'web-1', '--account', 'alice', '--password-stdin', '--json'],
      'ecila\n',
    );
    expect(code).toBe(2);
    for (const rule of ['length', 'classes', 'contains-account-reversed']) expect(stdout).toContain(rule);
  });

  test('for a privileged account by a token that may not reset those', async () => {
    const created = (await world.json([
      'tokens',
      'create',
      '--type',
      'api',
      '--name',
      'helpdesk',
      '--role',
      'operator',
    ])) as {
      token: string;
    };
    const { code, report } = await world.reset(['web-1', '--account', 'root'], newPassword(), { token: created.token });
    expect(code).toBe(1);
    expect(report.tasks).toMatchObject([{ state: 'failed', code: 'account-privileged' }]);
  });

  test('while the agent is stopped, and not when it is back', async () => {
    const [, host] = hosts;
    await host.must(['systemctl', 'stop', 'latchkey-agent.service']);
    await world.state('web-2', 'offline');
    const blocked = await world.latchkey(
      ['reset', 'web-2', '--account', 'alice', '--password-stdin', '--json'],
      `${newPassword()}\n`,
    );
    expect(blocked.code).toBe(2);
    expect(blocked.stdout).toContain('agent-offline');
    await host.must(['systemctl', 'start', 'latchkey-agent.service']);
    await world.state('web-2', 'running');
    const { code } = await world.reset(['web-2', '--account', 'alice'], newPassword());
    expect(code).toBe(0);
  });
});
