import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly, sshLogin, suLogin } from '../support/hosts/login.ts';
import { newPassword, openWorld, type World } from './world.ts';

/**
 * Accounts that a right password does not open, under the confinement that the agent's unit has on a booted host. Each
 * must be told apart, and no reset may open what it was not asked to open.
 */
let world: World;
let host: Host;

beforeAll(async () => {
  world = await openWorld();
  host = await world.host({ name: 'cases' });
}, 300_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const OLD = 'Old-Password-1';

async function account(name: string, ...prepare: readonly (readonly [string, ...string[]])[]): Promise<void> {
  await host.must(['useradd', '--create-home', '--shell', '/bin/sh', name]);
  await host.must(['chpasswd'], { input: `${name}:${OLD}` });
  for (const command of prepare) await host.must(command);
}

async function reset(name: string, password: string, ...options: string[]) {
  const { report } = await world.reset(['cases', '--account', name, ...options], password);
  const [task] = report.tasks;
  if (task === undefined) throw new Error('no task came back');
  return { state: task.state, code: task.code, verifiedBy: task.verifiedBy, warnings: [...task.warnings] };
}

const shadowOf = async (name: string): Promise<string> => {
  const line = (await host.readFile('/etc/shadow')).split('\n').find((entry) => entry.startsWith(`${name}:`));
  return line?.split(':')[1] ?? '';
};

describe('under the confinement of its unit the agent tells apart', () => {
  test('a locked account: set, proven by its hash, still locked', async () => {
    await account('locked', ['usermod', '--lock', 'locked']);
    const before = await shadowOf('locked');
    const password = newPassword();
    expect(await reset('locked', password)).toMatchObject({ state: 'succeeded', verifiedBy: 'hash' });
    const after = await shadowOf('locked');
    expect([after.startsWith('!$'), after === before]).toEqual([true, false]);
    await expectOnly(host, 'locked', { refused: [password, OLD] });
    // The hash behind the lock is that of the new password: opening it by hand is all that is missing.
    await host.must(['usermod', '--unlock', 'locked']);
    await expectOnly(host, 'locked', { accepted: password, refused: [OLD] });
  });

  test('an expired account', async () => {
    await account('expired', ['chage', '--expiredate', '2020-01-01', 'expired']);
    const outcome = await reset('expired', newPassword());
    expect(outcome).toMatchObject({ state: 'succeeded', verifiedBy: 'authenticate' });
    expect(outcome.warnings).toContain('account-expired');
  });

  test('an account whose password aged out: a new password is what it lacked', async () => {
    await account('aged', ['chage', '--lastday', '2020-01-01', '--maxdays', '30', '--inactive', '10', 'aged']);
    expect(await suLogin(host, 'aged', OLD)).toBe('refused');
    const password = newPassword();
    expect(await reset('aged', password)).toMatchObject({ state: 'succeeded', verifiedBy: 'login' });
    await expectOnly(host, 'aged', { accepted: password, refused: [OLD] });
  });

  test('an account without a login shell', async () => {
    await account('service', ['usermod', '--shell', '/usr/sbin/nologin', 'service']);
    const outcome = await reset('service', newPassword());
    expect(outcome).toMatchObject({ state: 'succeeded', verifiedBy: 'hash' });
    expect(outcome.warnings).toContain('nologin-shell');
  });

  test('an account shut by faillock, which unlock opens', async () => {
    await account('clumsy');
    const stack = await host.readFile('/etc/pam.d/common-auth');
    await host.writeFile(
      '/etc/pam.d/common-auth',
      `auth required pam_faillock.so preauth deny=3 unlock_time=600\n${stack.replace(
        /^auth.*pam_unix.so.*$/m,
        'auth [success=2 default=ignore] pam_unix.so\nauth [default=die] pam_faillock.so authfail deny=3 unlock_time=600',
      )}`,
    );
    try {
      await Promise.all([1, 2, 3].map(() => suLogin(host, 'clumsy', 'Wrong-Password-1')));
      expect(await suLogin(host, 'clumsy', OLD)).toBe('refused');
      const shut = newPassword();
      const outcome = await reset('clumsy', shut);
      expect(outcome).toMatchObject({ state: 'succeeded', verifiedBy: 'hash' });
      expect(outcome.warnings).toContain('faillock');
      const open = newPassword();
      expect(await reset('clumsy', open, '--unlock')).toMatchObject({ state: 'succeeded', verifiedBy: 'login' });
      expect(await suLogin(host, 'clumsy', open)).toBe('accepted');
    } finally {
      await host.writeFile('/etc/pam.d/common-auth', stack);
    }
  });

  test('an account that never had a password: it gets its first one', async () => {
    await host.must(['useradd', '--create-home', '--shell', '/bin/sh', 'fresh']);
    expect(await shadowOf('fresh')).toBe('!');
    const password = newPassword();
    expect(await reset('fresh', password)).toMatchObject({ state: 'succeeded', verifiedBy: 'login' });
    await expectOnly(host, 'fresh', { accepted: password, refused: [OLD] });
  });

  test('an account that sshd lets in with keys only', async () => {
    await account('keys');
    await host.writeFile('/etc/ssh/sshd_config.d/keys.conf', 'Match User keys\n  PasswordAuthentication no\n');
    await host.must(['systemctl', 'reload', 'ssh']);
    const password = newPassword();
    const outcome = await reset('keys', password);
    expect(outcome).toMatchObject({ state: 'succeeded', verifiedBy: 'login' });
    expect(outcome.warnings).toContain('ssh-password-forbidden');
    expect(await sshLogin(host, 'keys', password)).toBe('refused');
    expect(await suLogin(host, 'keys', password)).toBe('accepted');
  });
});

describe('an account database that will not be written', () => {
  test('on a read-only file system fails with its own code and leaves the old password', async () => {
    await account('stuck');
    // Read-only itself, as after an error of its disk: flags of a mere mount are not seen by a unit with mounts of its own.
    await host.must(['cp', '--archive', '/etc', '/run/etc-copy']);
    await host.must(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/etc']);
    await host.must(['cp', '--archive', '/run/etc-copy/.', '/etc']);
    await host.must(['mount', '-o', 'remount,ro', '/etc']);
    try {
      expect(await reset('stuck', newPassword())).toMatchObject({
        state: expect.stringMatching(/^(failed|blocked)$/) as string,
      });
    } finally {
      await host.must(['umount', '/etc']);
    }
    await expectOnly(host, 'stuck', { accepted: OLD, refused: [] });
  });

  test('keeps mode, owner and group of its files over a reset', async () => {
    const stat = () => host.must(['stat', '--format', '%n %a %U %G', '/etc/passwd', '/etc/shadow', '/etc/group']);
    const before = await stat();
    await reset('fresh', newPassword());
    expect(await stat()).toBe(before);
  });
});
