import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootHost, createHost } from '../support/hosts/host.ts';
import { copyDisk, expectFenced, expectNeverFenced, isFenced, reEnrol, STATE } from './health-copies.ts';
import { isWell, openHealthWorld, UNIT, type HealthWorld, type Seen } from './health-world.ts';

/** Two machines must not pass for one; one machine must not be taken for two, whatever of it was replaced. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

describe.concurrent('a copy is fenced', () => {
  test('of a disk that is booted elsewhere while the original runs; a new identity mends it', async () => {
    const original = await health.host('original');
    await health.mustReset(original);
    const copy = await createHost(health.world.fabric, { name: 'copy' });
    await copyDisk(original, copy);
    const clonedAt = Date.now();
    await copy.start();
    await expectFenced(health, original, 'disk image copied and booted elsewhere', clonedAt);
    // It stays so, whoever of them is left.
    await copy.kill();
    await original.must(['systemctl', 'restart', UNIT]);
    expect(isFenced('identity-cloned')(await health.shown('original', 'anything', () => true))).toBe(true);
    await reEnrol(health, original, 'original');
    await health.mustReset(original);
  });

  test('of an identity that another agent uses at the same time', async () => {
    const original = await health.host('twin-a');
    const other = await bootHost(health.world.fabric, { name: 'twin-b' });
    const script = `cp -a "/run/hosts/$1/upper${STATE}" "/run/hosts/$2/root/var/lib/" && cp "/run/hosts/$1/upper/etc/systemd/system/${UNIT}" "/run/hosts/$2/root/etc/systemd/system/"`;
    const { enter } = original.fabric.internals;
    expect((await original.fabric.exec([...enter, 'sh', '-c', script, 'sh', 'twin-a', 'twin-b'])).code).toBe(0);
    const clonedAt = Date.now();
    await other.must(['systemctl', 'daemon-reload']);
    await other.must(['systemctl', 'start', UNIT]);
    await expectFenced(health, original, 'two agents with one identity', clonedAt);
  });
});

describe.concurrent('no copy', () => {
  test('is an instance with another machine-id, another network card, another OS, or after a power cut', async () => {
    const host = await health.host('same');
    const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
      [
        'another machine-id, OS and host name',
        async () => {
          await host.writeFile('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`);
          await host.must(['sed', '-i', 's/^PRETTY_NAME=.*/PRETTY_NAME="Another Linux 99"/', '/etc/os-release']);
          await host.writeFile('/etc/hostname', 'renamed\n');
          await host.reboot();
        },
      ],
      [
        'another network card',
        async () => {
          await host.must(['ip', 'link', 'set', 'dev', 'host0', 'address', '02:00:00:12:34:56']);
          await host.must(['networkctl', 'renew', 'host0']);
          await host.must(['systemctl', 'restart', UNIT]);
        },
      ],
      [
        'a power cut',
        async () => {
          await host.kill();
          await host.start();
          await host.waitForBoot();
        },
      ],
    ];
    for (const [what, change] of changes) {
      const at = Date.now();
      await change();
      const isBack = (seen: Seen) => isWell(seen) && (seen.connectedSince ?? 0) > at;
      await health.shown('same', what, isBack);
      health.note(`no clone: ${what}`, 'running', Date.now() - at, null);
      await health.mustReset(host);
    }
    const shown = await health.world.latchkey(['instances', 'show', 'same']);
    expect(shown.stdout).toContain('Another Linux 99');
    await expectNeverFenced(health, host);
  });
});
