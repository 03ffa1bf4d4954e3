import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openHealthWorld, UNIT, type HealthWorld } from './health-world.ts';

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

/** A look of the agent every 10 s, and 10 s that a reason has to last; the rest is for a busy machine. */
const NOTICED_MS_MAX = 40_000;

/** Holds lckpwdf(3), as a tool does that hangs. */
const HOLD_LOCK = `
use Fcntl;
open F, '+>', '/etc/.pwd.lock' or die;
my $lock = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0);
fcntl F, F_SETLKW, $lock or die;
select undef, undef, undef, $ARGV[0];
`;
const HOLDER = '/usr/local/sbin/hold-lock';

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
    await health.suffer(host, {
      what: 'chattr +i on the agent’s journal',
      breakIt: () => host.must(['chattr', '+i', '/var/lib/latchkey-agent/journal']),
      mend: () => host.must(['chattr', '-i', '/var/lib/latchkey-agent/journal']),
      ...{ state: 'abnormal', code: 'journal-unwritable', noticedMsMax: NOTICED_MS_MAX },
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
    await health.suffer(host, {
      what: 'lock file of a process that lives',
      breakIt: () => host.writeFile('/etc/shadow.lock', '1'),
      mend: () => host.must(['rm', '/etc/shadow.lock']),
      ...{ state: 'abnormal', code: 'account-database-lock-held', noticedMsMax: NOTICED_MS_MAX },
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
    await health.suffer(host, {
      what: 'chpasswd gone',
      breakIt: () => host.must(['mv', '/usr/sbin/chpasswd', '/usr/sbin/chpasswd.away']),
      mend: () => host.must(['mv', '/usr/sbin/chpasswd.away', '/usr/sbin/chpasswd']),
      ...{ state: 'abnormal', code: 'chpasswd-missing', noticedMsMax: NOTICED_MS_MAX },
    });
  });
});

describe.concurrent('a healthy instance is not blocked', () => {
  test('whose journal was damaged: it says so, and resets', async () => {
    const host = await health.host('damaged');
    await health.mustReset(host);
    await host.must(['systemctl', 'stop', UNIT]);
    // In front: a bad end would be taken for a write that a crash cut off, and rightly so.
    await host.must(['sed', '-i', '1i no checksum, no JSON', '/var/lib/latchkey-agent/journal']);
    const brokenAt = Date.now();
    await host.must(['systemctl', 'start', UNIT]);
    await health.shown(
      'damaged',
      'the damaged journal',
      ({ state, reasons }) => state === 'running' && reasons.some(({ code }) => code === 'journal-damaged'),
    );
    const noticedMs = Date.now() - brokenAt;
    await health.mustReset(host);
    const mendedAt = Date.now();
    // What was set aside is over with the next start.
    await host.must(['systemctl', 'restart', UNIT]);
    await health.shown('damaged', 'its end', ({ state, reasons }) => state === 'running' && reasons.length === 0);
    health.note('journal damaged', 'journal-damaged (advice)', noticedMs, Date.now() - mendedAt);
  });

  test('on which other tools take the lock one after the other', async () => {
    const host = await health.host('busy');
    await host.writeFile(HOLDER, HOLD_LOCK);
    const churn = `while :; do perl ${HOLDER} 0.7; echo >> /run/turns; done`;
    await host.must(['systemd-run', '--quiet', '--unit=churn', 'sh', '-c', churn]);
    const until = Date.now() + 30_000;
    while (Date.now() < until) await health.mustReset(host);
    // Otherwise this would show nothing.
    expect((await host.readFile('/run/turns')).length).toBeGreaterThan(10);
    const history = health.history('busy');
    expect(history.slice(history.indexOf('running'))).toEqual(['running']);
  });
});
