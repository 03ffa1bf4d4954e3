import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPasswordTool } from '../../../agent/linux/password-tool.ts';
import { openSandbox, whyNoSandbox } from './support/sandbox.ts';
import type { Sandbox } from './support/sandbox.ts';

const reason = whyNoSandbox();
if (reason !== null) console.warn(`skipped: resets against real PAM: ${reason}`);

const OLD = 'Old.Passw0rd';
const NEW = 'N3w:Passw0rd,{}';
/** Long enough to look around in. */
const WAITING_MS = 4_000;
const FAILLOCK_STACK = `auth required pam_faillock.so preauth silent deny=3
auth [success=1 default=ignore] pam_unix.so nullok
auth [default=die] pam_faillock.so authfail deny=3
auth required pam_faillock.so authsucc deny=3
`;
const accountFilesHash = () =>
  ['/etc/passwd', '/etc/shadow', '/etc/group'].map((path) =>
    createHash('sha256').update(readFileSync(path)).digest('hex'),
  );

describe.skipIf(reason !== null)('a reset against the real chpasswd and PAM', { timeout: 60_000 }, () => {
  let box: Sandbox;
  let before: string[];

  beforeAll(async () => {
    before = accountFilesHash();
    box = await openSandbox();
  });
  afterAll(async () => {
    await box.close();
  });
  beforeEach(async () => {
    await box.sh('userdel alice 2>/dev/null || true; useradd -s /bin/sh alice; chpasswd', `alice:${OLD}\n`);
  });

  test('sets the new password, refuses the old one, and proves it by a login', async () => {
    const result = await box.reset('alice', NEW);
    expect(result).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'login',
      warnings: [],
    });
    expect(await Promise.all([box.su('alice', NEW), box.su('alice', OLD)])).toEqual([true, false]);
    expect(await box.verify('alice', OLD)).toMatchObject({ verifiedBy: null, code: 'password-not-accepted' });
  });

  test('sets the password of root, where the order allows it', async () => {
    expect(await box.reset('root', NEW)).toMatchObject({ state: 'failed', code: 'account-privileged' });
    expect(await box.reset('root', NEW, { privilegedAuthorised: true })).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'login',
    });
    expect(await Promise.all([box.su('root', NEW), box.su('root', OLD)])).toEqual([true, false]);
  });

  test('waits with a chpasswd that has touched nothing, and leaves nothing of it where the reset is given up', async () => {
    const look = () => box.sh('sha256sum /etc/passwd /etc/shadow /etc/group; ls -a /etc /run; cat /proc/locks');
    const was = await look();
    const reset = box.reset('alice', NEW, { sealBreaksAfterMs: WAITING_MS });
    await box.sh(`for _ in $(seq ${WAITING_MS / 20}); do pgrep -x chpasswd && exit 0; sleep 0.01; done; exit 1`);
    expect(await look()).toBe(was);
    expect(await reset).toBeNull();
    await expect.poll(() => box.sh('pgrep -r DRST -x chpasswd || true')).toBe('');
    expect(await look()).toBe(was);
    expect(await box.su('alice', OLD)).toBe(true);
  });

  test('changes nothing with a line that never comes, as when the agent is killed', async () => {
    const look = () => box.sh('sha256sum /etc/passwd /etc/shadow /etc/group; ls -a /etc /run');
    const was = await look();
    const script = fileURLToPath(new URL('../../../scripts/instance/reset-linux.sh', import.meta.url));
    const variables = 'LK_ACCOUNT=alice LK_PHASE=apply LK_LOCK=none LK_AHEAD=1';
    expect(await box.sh(`${variables} sh '${script}' 3</dev/null`)).toContain('code=applied');
    expect(await look()).toBe(was);
  });

  test('is built with PAM here, so that it may wait ahead of its line', () => {
    expect(createPasswordTool().readsFirst()).toBe(true);
  });

  test('keeps mode and owner of the account database', async () => {
    const stat = () => box.sh('stat -c "%a %u %g %n" /etc/passwd /etc/shadow /etc/group');
    const was = await stat();
    await box.reset('alice', NEW, { options: { unexpire: true, mustChange: true } });
    await box.sh('usermod -L alice');
    await box.reset('alice', NEW);
    expect(await stat()).toBe(was);
  });

  test('leaves a locked account locked at every moment, and proves the password by its hash', async () => {
    await box.sh('usermod -L alice');
    // Every version of the file that ever has the name /etc/shadow is looked at.
    await box.background('echo $$ >/run/seen.pid; while :; do grep -h "^alice:" /etc/shadow >>/run/seen; done');
    const result = await box.reset('alice', NEW);
    await box.sh('kill $(cat /run/seen.pid)');
    expect(result).toMatchObject({ state: 'succeeded', verifiedBy: 'hash', warnings: ['account-locked'] });
    expect(await box.stored('alice')).toMatch(/^!\$y\$/);
    expect(await box.sh('grep -c "^alice:!" /run/seen')).not.toBe('0');
    expect(await box.sh('grep -vc "^alice:!" /run/seen || true')).toBe('0');
    expect(await box.su('alice', NEW)).toBe(false);
    await box.sh('usermod -U alice');
    expect(await box.su('alice', NEW)).toBe(true);
    expect(await box.sh('ls /run | grep latchkey || true')).toBe('');
  });

  test('keeps the doubled lock mark of other tools', async () => {
    await box.sh(`sed -i 's/^alice:/alice:!!/' /etc/shadow`);
    await box.reset('alice', NEW);
    expect(await box.stored('alice')).toMatch(/^!!\$y\$/);
  });

  test('removes a lock when asked', async () => {
    await box.sh('usermod -L alice');
    expect(await box.reset('alice', NEW, { options: { unlock: true } })).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'login',
      warnings: [],
    });
    expect(await box.su('alice', NEW)).toBe(true);
  });

  test.each(['!', '!!', '*', '!*', ''])(
    'gives an account that never had a password (%j) its first one',
    async (field) => {
      await box.sh(`sed -i 's|^alice:[^:]*|alice:${field}|' /etc/shadow`);
      expect(await box.reset('alice', NEW)).toMatchObject({ state: 'succeeded', verifiedBy: 'login', warnings: [] });
    },
  );

  test('says that an expired account stays unusable, and repairs it when asked', async () => {
    await box.sh('chage -E 2001-01-01 alice');
    expect(await box.reset('alice', NEW)).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'authenticate',
      warnings: ['account-expired'],
    });
    expect(await box.su('alice', NEW)).toBe(false);
    expect(await box.reset('alice', NEW, { options: { unexpire: true } })).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'login',
      warnings: [],
    });
  });

  test('makes an aged-out account usable by setting its password', async () => {
    await box.sh('chage -d 2001-01-01 -M 10 -I 5 alice');
    expect(await box.verify('alice', OLD)).toMatchObject({
      verifiedBy: 'authenticate',
      warnings: ['password-aged-out'],
    });
    expect(await box.reset('alice', NEW)).toMatchObject({ state: 'succeeded', verifiedBy: 'login', warnings: [] });
  });

  test('demands a change at the next login only after the proof', async () => {
    const result = await box.reset('alice', NEW, { options: { mustChange: true } });
    expect(result).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'login',
      warnings: [],
    });
    expect(await box.sh('getent -s files shadow alice | cut -d: -f3')).toBe('0');
    expect(await box.verify('alice', NEW)).toMatchObject({
      verifiedBy: 'authenticate',
      warnings: ['password-must-change'],
    });
  });

  test('never tries to log in where the shell allows none', async () => {
    await box.sh('usermod -s /usr/sbin/nologin alice');
    expect(await box.reset('alice', NEW)).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'hash',
      warnings: ['nologin-shell'],
    });
  });

  test('says so where logins are closed for all but root', async () => {
    await box.sh('touch /run/nologin; ln -sfn /run /var/run 2>/dev/null; touch /etc/nologin');
    const result = await box.reset('alice', NEW);
    await box.sh('rm -f /run/nologin /etc/nologin');
    expect(result).toMatchObject({ state: 'succeeded', verifiedBy: 'hash', warnings: ['login-denied'] });
  });

  describe('with pam_faillock', () => {
    beforeEach(async () => {
      await box.sh('cp /etc/pam.d/common-auth /run/common-auth; cat >/etc/pam.d/common-auth', FAILLOCK_STACK);
      for (let i = 0; i < 3; i += 1) await box.verify('alice', `wrong-${i}`);
    });
    test('tells a lock-out from a wrong password, and lifts it with the lock', async () => {
      try {
        expect(await box.sh('faillock --user alice | grep -c " V$"')).toBe('3');
        expect(await box.reset('alice', NEW)).toMatchObject({
          state: 'succeeded',
          verifiedBy: 'hash',
          warnings: ['faillock'],
        });
        expect(await box.reset('alice', NEW, { options: { unlock: true } })).toMatchObject({
          state: 'succeeded',
          verifiedBy: 'login',
          warnings: [],
        });
      } finally {
        await box.sh('cp /run/common-auth /etc/pam.d/common-auth');
      }
    });
  });

  test('does not answer a second factor', async () => {
    await box.sh(`cp /etc/pam.d/login /run/login
      sed -i 's/^@include common-auth/@include common-auth\\nauth required pam_ftp.so/' /etc/pam.d/login`);
    const result = await box.reset('alice', NEW);
    await box.sh('cp /run/login /etc/pam.d/login');
    expect(result).toMatchObject({ state: 'succeeded', verifiedBy: 'hash', warnings: ['second-factor'] });
  });

  test('does not take a login that asks for no password as proof', async () => {
    await box.sh(`cp /etc/pam.d/login /run/login; sed -i '1i auth sufficient pam_permit.so' /etc/pam.d/login`);
    const result = await box.reset('alice', NEW);
    await box.sh('cp /run/login /etc/pam.d/login');
    expect(result).toMatchObject({ state: 'succeeded', verifiedBy: 'hash', warnings: ['login-not-tried'] });
  });

  test('falls back to the hash where a module of PAM hangs', async () => {
    await box.sh(
      `cp /etc/pam.d/login /run/login; sed -i '1i auth optional pam_exec.so quiet /bin/sleep 60' /etc/pam.d/login`,
    );
    const result = await box.reset('alice', NEW, { verifyTimeoutMs: 1_000 });
    await box.sh('cp /run/login /etc/pam.d/login');
    expect(result).toMatchObject({ state: 'succeeded', verifiedBy: 'hash', warnings: ['login-not-tried'] });
    expect(await box.sh('pgrep -fx "/bin/sleep 60" || true')).toBe('');
  });

  test('resets with a shell and a helper that were kept ready, again and again', async () => {
    for (const password of ['Ready.Passw0rd1', 'Ready.Passw0rd2', 'Ready.Passw0rd3']) {
      const result = await box.reset('alice', password, { standby: true });
      expect(result).toMatchObject({ state: 'succeeded', verifiedBy: 'login', warnings: [] });
    }
    // The one of the last reset answers before it has ended.
    await expect.poll(() => box.sh('pgrep -fc verify-helper')).toBe('1');
    await expect.poll(() => box.sh('pgrep -fc latchkey-script')).toBe('1');
  });

  test('does not believe a script that says applied and changed nothing', async () => {
    const result = await box.reset('alice', NEW, { script: 'echo "latchkey-result code=applied warnings= detail="' });
    expect(result).toMatchObject({ state: 'failed', code: 'password-not-accepted' });
  });

  test('warns of what SSH will refuse', async () => {
    await box.sh(
      `printf '#!/bin/sh\\necho "passwordauthentication no"; echo "permitrootlogin without-password"\\n' >/run/sshd; chmod 755 /run/sshd`,
    );
    expect(await box.reset('alice', NEW, { sshd: '/run/sshd' })).toMatchObject({
      verifiedBy: 'login',
      warnings: ['ssh-password-forbidden'],
    });
    expect(await box.reset('root', NEW, { sshd: '/run/sshd', privilegedAuthorised: true })).toMatchObject({
      warnings: ['ssh-password-forbidden', 'ssh-root-forbidden'],
    });
  });

  test.each([
    ['nobody-here', 'account-not-found'],
    ['-rf', 'account-name-unsafe'],
    ['a/b', 'account-name-unsafe'],
    ['a:b', 'account-name-unsafe'],
    ['a\nroot', 'account-name-unsafe'],
    ['$(id)', 'account-name-unsafe'],
    ['', 'account-name-unsafe'],
  ])('refuses the account %j as %s', async (account, code) => {
    expect(await box.reset(account, NEW)).toMatchObject({ state: 'failed', code });
  });

  test('refuses an account that only a name service knows', async () => {
    await box.sh(`mkdir -p /run/bin; cp -a /usr/bin/getent /run/bin/real
      printf '#!/bin/sh\\n[ "$2" = ldapuser ] && echo "ldapuser:*:5000:5000::/:/bin/sh" && exit 0\\nexit 2\\n' >/run/getent; chmod 755 /run/getent; mount --bind /run/getent /usr/bin/getent`);
    const result = await box.reset('ldapuser', NEW);
    await box.sh('umount /usr/bin/getent');
    expect(result).toMatchObject({ state: 'failed', code: 'account-not-local' });
  });

  test('leaves the account files of this machine alone', async () => {
    await box.reset('alice', NEW);
    expect(accountFilesHash()).toEqual(before);
  });
});
