import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHost } from '../support/hosts/host.ts';
import { copyDisk, expectFenced, expectNeverFenced, reEnrol, AGENT, STATE } from './health-copies.ts';
import { ACCOUNT, isWell, openHealthWorld, UNIT, type HealthWorld } from './health-world.ts';
import { newPassword } from './world.ts';

/** What else is a copy, and what else is none; see `health-identity.long.test.ts`. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

describe.concurrent('a copy is fenced', () => {
  test('of a state directory that is older than what was said since: a snapshot put back, or a copy that took its turn', async () => {
    const host = await health.host('snapshot');
    await host.must(['systemctl', 'stop', UNIT]);
    await host.must(['cp', '-a', STATE, '/root/snapshot']);
    for (const turn of ['one session', 'another']) {
      const at = Date.now();
      await host.must(['systemctl', 'restart', UNIT]);
      await health.shown('snapshot', turn, ({ connectedSince }) => (connectedSince ?? 0) > at);
    }
    await host.must(['systemctl', 'stop', UNIT]);
    await host.must(['sh', '-c', `rm -r ${STATE} && cp -a /root/snapshot ${STATE}`]);
    const clonedAt = Date.now();
    await host.must(['systemctl', 'start', UNIT]);
    await expectFenced(health, host, 'state directory of an older snapshot', clonedAt, 'continuity-lost');
  });
});

describe.concurrent('no copy', () => {
  test('is an instance that was moved: its disk booted elsewhere once the old machine is off', async () => {
    const old = await health.host('moved');
    await health.mustReset(old);
    await old.stop();
    const replacement = await createHost(health.world.fabric, { name: 'moved-to' });
    await copyDisk(old, replacement);
    const at = Date.now();
    await replacement.start();
    await replacement.waitForBoot();
    await health.shown('moved', 'its new machine', (seen) => isWell(seen) && (seen.connectedSince ?? 0) > at);
    health.note('no clone: disk moved to another machine', 'running', Date.now() - at, null);
    const { report } = await health.world.reset(['moved', '--account', ACCOUNT.name], newPassword());
    expect(report.tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
    await expectNeverFenced(health, old);
  });

  test('is an instance that is installed anew under its name, with an operator’s leave and not without', async () => {
    const host = await health.host('anew');
    await health.mustReset(host);
    await host.must(['cp', '-a', STATE, '/root/old']);
    await host.must(['systemctl', 'stop', UNIT]);
    await host.must(['rm', '-rf', STATE]);
    const { token } = (await health.world.json(['tokens', 'create', '--type', 'join'])) as { token: string };
    const refused = await host.exec([AGENT, 'enroll', '--url', health.world.url, '--name', 'anew'], {
      input: `${token}\n`,
    });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('instance-name-taken');
    const at = Date.now();
    await reEnrol(health, host, 'anew');
    health.note('no clone: installed anew under its name', 'running', Date.now() - at, null);
    await health.mustReset(host);
    await expectNeverFenced(health, host);
  });
});
