import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSandbox, whyNoSandbox } from './support/sandbox.ts';
import type { Sandbox } from './support/sandbox.ts';

const reason = whyNoSandbox();
if (reason !== null) console.warn(`skipped: account databases that will not be written: ${reason}`);

const OLD = 'Old.Passw0rd';
const NEW = 'N3w:Passw0rd,{}';

describe.skipIf(reason !== null)('an account database that will not be written', { timeout: 60_000 }, () => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await openSandbox();
  });
  afterAll(async () => {
    await box.close();
  });
  beforeEach(async () => {
    await box.sh('userdel alice 2>/dev/null || true; useradd -s /bin/sh alice; chpasswd', `alice:${OLD}\n`);
  });

  const health = async () => (await box.components())['account-database'];
  const broken = async (breaking: string, mending: string, locked = false) => {
    if (locked) await box.sh('usermod -L alice');
    const stored = await box.stored('alice');
    await box.sh(breaking);
    try {
      return { result: await box.reset('alice', NEW), health: await health() };
    } finally {
      await box.sh(mending);
      expect(await box.stored('alice')).toBe(stored);
      expect(await box.sh('ls -A /etc /run | grep latchkey || true')).toBe('');
      expect(await health()).toEqual({ ok: true });
    }
  };

  for (const locked of [false, true]) {
    describe(locked ? 'for a locked account' : 'for an ordinary account', () => {
      test('is told apart: read-only', async () => {
        const seen = await broken('mount -o remount,ro /etc', 'mount -o remount,rw /etc', locked);
        expect(seen.result).toMatchObject({ state: 'failed', code: 'account-database-read-only' });
        expect(seen.health).toMatchObject({ ok: false, code: 'account-database-read-only' });
      });

      test.each(['/etc/shadow', '/etc'])('is told apart: %s immutable', async (path) => {
        const supported = await box.sh(`chattr +i ${path} && chattr -i ${path} && echo yes || true`);
        if (supported !== 'yes') {
          console.warn('skipped: this file system knows no immutable files');
          return;
        }
        const seen = await broken(`chattr +i ${path}`, `chattr -i ${path}`, locked);
        expect(seen.result).toMatchObject({ state: 'failed', code: 'account-database-immutable' });
        expect(seen.health).toMatchObject({ ok: false, code: 'account-database-immutable' });
      });

      test('is told apart: the disk is full', async () => {
        const seen = await broken(
          'dd if=/dev/zero of=/run/sandbox/fill bs=64k 2>/dev/null || true',
          'rm /run/sandbox/fill',
          locked,
        );
        expect(seen.result).toMatchObject({ state: 'failed', code: 'disk-full' });
        expect(seen.health).toMatchObject({ ok: false, code: 'disk-full' });
      });

      test('is told apart: a file is a mount point', async () => {
        const seen = await broken('mount --bind /etc/shadow /etc/shadow', 'umount /etc/shadow', locked);
        expect(seen.result).toMatchObject({ state: 'failed', code: 'account-database-busy' });
        expect(seen.health).toMatchObject({ ok: false, code: 'account-database-busy' });
      });

      test('is told apart: the lock is held, and the wait has an end', async () => {
        if (locked) await box.sh('usermod -L alice');
        await box.holdLock(2_500);
        expect(await health()).toMatchObject({ ok: false, code: 'account-database-lock-held' });
        expect(await box.reset('alice', NEW, { lockWaitMsMax: 300 })).toMatchObject({
          state: 'failed',
          code: 'account-database-lock-held',
        });
        // The same reset succeeds once the other tool is done.
        expect(await box.reset('alice', NEW)).toMatchObject({ state: 'succeeded' });
      });
    });
  }

  test('sees the lock files of the shadow tools, not those of dead processes', async () => {
    await box.sh('printf 999999 >/etc/shadow.lock');
    expect(await health()).toEqual({ ok: true });
    await box.sh('printf 1 >/etc/shadow.lock');
    expect(await health()).toMatchObject({ ok: false, code: 'account-database-lock-held' });
    expect(await box.reset('alice', NEW, { lockWaitMsMax: 100 })).toMatchObject({
      state: 'failed',
      code: 'account-database-lock-held',
    });
    await box.sh('rm /etc/shadow.lock');
  });

  test('names a broken password stack', async () => {
    const seen = await broken(
      'cp /etc/pam.d/common-password /run/cp; sed -i s/pam_unix.so/pam_not_there.so/ /etc/pam.d/common-password',
      'cp /run/cp /etc/pam.d/common-password',
    );
    expect(seen.result).toMatchObject({ state: 'failed', code: 'pam-broken' });
  });

  test('takes no for an answer from the password policy', async () => {
    await box.sh(
      `cp /etc/pam.d/common-password /run/cp; sed -i '1i password requisite pam_pwhistory.so enforce_for_root remember=5' /etc/pam.d/common-password`,
    );
    expect(await box.reset('alice', NEW)).toMatchObject({ state: 'succeeded' });
    const refused = await box.reset('alice', NEW);
    await box.sh('cp /run/cp /etc/pam.d/common-password');
    expect(refused).toMatchObject({ state: 'failed', code: 'policy-refused' });
    expect(await box.sh('stat -c %a /etc/security/opasswd')).toBe('600');
  });

  test('kills a script that does not end, with its children, and does not know the outcome', async () => {
    const result = await box.reset('alice', NEW, { script: 'sleep 61 & sleep 62', scriptTimeoutMs: 300 });
    expect(result).toMatchObject({ state: 'outcome-unknown', code: 'script-timeout' });
    expect(await box.sh('pgrep -fx "sleep 6[12]" || true')).toBe('');
  });

  test('stops when told to', async () => {
    expect(await box.reset('alice', NEW, { script: 'sleep 61', abortAfterMs: 200 })).toMatchObject({
      state: 'outcome-unknown',
      code: 'interrupted',
    });
  });

  test('never repeats the password that a script prints, nor its control characters', async () => {
    const result = await box.reset('alice', NEW, {
      script: `cat <&3; cat <&3 >&2; printf 'latchkey-result code=pam-broken warnings= detail=${NEW}\\033[2J%0500d\\n' 1; exit 1`,
    });
    expect(result).toMatchObject({ state: 'failed', code: 'pam-broken' });
    expect(JSON.stringify(result)).not.toContain(NEW);
    expect(result !== null && 'detail' in result ? result.detail : '').toMatch(/^[\x20-\x7e…]{0,300}$/u);
  });

  test('shows the password in no argument list and no environment while it works', async () => {
    await box.background(
      'echo $$ >/run/pid; while :; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; done >>/run/argv 2>/dev/null',
    );
    await box.reset('alice', 'Canary.4711', { options: { mustChange: true } });
    await box.sh('usermod -L alice');
    await box.reset('alice', 'Canary.4711');
    await box.sh('kill $(cat /run/pid)');
    expect(await box.sh('grep -ac LK_ACCOUNT /run/argv')).not.toBe('0');
    expect(await box.sh('grep -ac Canary.4711 /run/argv || true')).toBe('0');
    expect(await box.sh('grep -rl Canary.4711 /etc /run --exclude=argv /home /var/log 2>/dev/null || true')).toBe('');
  });

  test('works the same under bash', async () => {
    expect(await box.reset('alice', NEW, { shell: '/bin/bash' })).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'login',
    });
    await box.sh('usermod -L alice');
    expect(await box.reset('alice', NEW, { shell: '/bin/bash' })).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'hash',
      warnings: ['account-locked'],
    });
  });
});
