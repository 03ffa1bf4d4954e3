import { afterAll, beforeAll, describe, test } from 'vitest';
import { HOLD_LOCK, HOLDER, NOTICED_MS_MAX, openHealthWorld, type HealthWorld } from './health-world.ts';

/**
 * An instance whose password could not be reset must not pass for one whose password can, and is well again as soon as it
 * is. Each is broken for real; the table at the end says how long each took to show.
 */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

describe.concurrent('a broken instance is abnormal, says why, blocks resets, and is well again once mended', () => {
  test('the root file system remounted read-only', async () => {
    const host = await health.host('read-only');
    const journald = ['systemd-journald.socket', 'systemd-journald-dev-log.socket', 'systemd-journald-audit.socket'];
    await health.suffer(host, {
      what: 'root remounted read-only',
      async breakIt() {
        // What writes to the disk would keep it from becoming read-only.
        await host.must(['systemctl', 'stop', ...journald, 'systemd-journald.service']);
        await host.must(['mount', '-o', 'remount,ro', '/']);
      },
      async mend() {
        await host.must(['mount', '-o', 'remount,rw', '/']);
        await host.must(['systemctl', 'start', ...journald, 'systemd-journald.service']);
      },
      ...{ state: 'abnormal', code: 'account-database-read-only', noticedMsMax: NOTICED_MS_MAX },
    });
  });

  test('a file made immutable', async () => {
    const host = await health.host('immutable');
    await health.suffer(host, {
      what: 'chattr +i /etc/shadow',
      breakIt: () => host.must(['chattr', '+i', '/etc/shadow']),
      mend: () => host.must(['chattr', '-i', '/etc/shadow']),
      ...{ state: 'abnormal', code: 'account-database-immutable', noticedMsMax: NOTICED_MS_MAX },
      atOnce: { state: 'failed', code: 'account-database-immutable' },
    });
  });

  test('a full disk', async () => {
    const host = await health.host('full', { diskMebibytes: 96 });
    await health.suffer(host, {
      what: 'full disk',
      // Ends with an error once there is no room any more.
      breakIt: () => host.exec(['dd', 'if=/dev/zero', 'of=/var/filler', 'bs=4k', 'status=none']),
      mend: () => host.must(['rm', '/var/filler']),
      ...{ state: 'abnormal', code: 'disk-full', noticedMsMax: NOTICED_MS_MAX },
    });
  });

  test('the lock of the account database held', async () => {
    const host = await health.host('locked');
    await host.writeFile(HOLDER, HOLD_LOCK);
    await health.suffer(host, {
      what: 'lckpwdf held by a process',
      breakIt: () => host.must(['systemd-run', '--quiet', '--unit=holder', 'perl', HOLDER, '600']),
      mend: () => host.must(['systemctl', 'stop', 'holder.service']),
      ...{ state: 'abnormal', code: 'account-database-lock-held', noticedMsMax: NOTICED_MS_MAX },
      atOnce: { state: 'failed', code: 'account-database-lock-held' },
    });
  });

  test('a stack of PAM broken', async () => {
    const host = await health.host('pam');
    const stack = await host.readFile('/etc/pam.d/common-auth');
    await health.suffer(host, {
      what: 'garbage in /etc/pam.d/common-auth',
      breakIt: () => host.writeFile('/etc/pam.d/common-auth', '\u00ff\u00fe garbage\n'),
      mend: () => host.writeFile('/etc/pam.d/common-auth', stack),
      ...{ state: 'abnormal', code: 'pam-unavailable', noticedMsMax: NOTICED_MS_MAX },
    });
  });
});
