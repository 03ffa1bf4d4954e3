import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOLD_LOCK, HOLDER, NOTICED_MS_MAX, openHealthWorld, UNIT, type HealthWorld } from './health-world.ts';

/** What else breaks an instance, and what does not; see `health.test.ts`. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

describe.concurrent('a broken instance is abnormal, says why, blocks resets, and is well again once mended', () => {
  test('a journal that cannot be written', async () => {
    const host = await health.host('immutable');
    await health.suffer(host, {
      what: 'chattr +i on the agent’s journal',
      breakIt: () => host.must(['chattr', '+i', '/var/lib/latchkey-agent/journal']),
      mend: () => host.must(['chattr', '-i', '/var/lib/latchkey-agent/journal']),
      ...{ state: 'abnormal', code: 'journal-unwritable', noticedMsMax: NOTICED_MS_MAX },
    });
  });

  test('a lock file, and a tool that is missing', async () => {
    const host = await health.host('tools');
    await health.suffer(host, {
      what: 'lock file of a process that lives',
      breakIt: () => host.writeFile('/etc/shadow.lock', '1'),
      mend: () => host.must(['rm', '/etc/shadow.lock']),
      ...{ state: 'abnormal', code: 'account-database-lock-held', noticedMsMax: NOTICED_MS_MAX },
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

  test('that takes its time over a reset: the lock that it holds is its own', async () => {
    const host = await health.host('slow');
    await host.writeFile(HOLDER, HOLD_LOCK);
    await host.must(['mv', '/usr/sbin/chpasswd', '/usr/sbin/chpasswd.real']);
    // Longer than the agent goes without a look at its health, shorter than a script may take.
    const slow = `#!/bin/sh\nperl ${HOLDER} 17\nexec /usr/sbin/chpasswd.real "$@"\n`;
    await host.writeFile('/usr/sbin/chpasswd', slow, '0755');
    let isOver = false;
    const reset = health.mustReset(host).finally(() => {
      isOver = true;
    });
    await health.shown('slow', 'the end of its reset', ({ components }) => {
      expect(components['account-database']).toEqual({ state: 'ok' });
      return isOver;
    });
    await reset;
    const history = health.history('slow');
    expect(history.slice(history.indexOf('running'))).toEqual(['running']);
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
