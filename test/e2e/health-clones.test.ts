import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain, type HealthCode } from '#protocol';
import { bootHost, CHECKOUT_IN_HOST, createHost, type Host } from '../support/hosts/host.ts';
import { ACCOUNT, openHealthWorld, UNIT, type HealthWorld, type Seen } from './health-world.ts';
import { newPassword } from './world.ts';

/** Two machines must not pass for one; one machine must not be taken for two, whatever of it was replaced. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

const AGENT = `${CHECKOUT_IN_HOST}/scripts/latchkey-agent`;
const STATE = '/var/lib/latchkey-agent';
const NOTICED_MS_MAX = 40_000;

const isFenced =
  (wanted: HealthCode) =>
  ({ state, reasons }: Seen) =>
    state === 'abnormal' && reasons.some(({ code }) => code === wanted);
const isWell = ({ state, reasons }: Seen) => state === 'running' && reasons.length === 0;

/** Everything that a host has written, onto the disk of another one that is off. */
async function copyDisk(from: Host, to: Host): Promise<void> {
  // What a host has deleted is marked by devices that cannot be copied, and need not be.
  const script = `cd "/run/hosts/$1/upper" && find . -type c -prune -o -print0 |
    tar --null --no-recursion --files-from - --create | tar --extract --directory "/run/hosts/$2/root"`;
  const { enter } = from.fabric.internals;
  const copied = await from.fabric.exec([...enter, 'sh', '-c', script, 'sh', from.name, to.name]);
  expect(copied, copied.stderr).toMatchObject({ code: 0 });
}

async function expectFenced(
  host: Host,
  what: string,
  clonedAt: number,
  code: HealthCode = 'identity-cloned',
): Promise<void> {
  const { name } = host;
  const seen = await health.shown(name, what, isFenced(code));
  const noticedMs = (seen.reasons[0]?.since ?? Number.NaN) - clonedAt;
  expect(noticedMs).toBeLessThan(NOTICED_MS_MAX);
  health.note(what, code, noticedMs, null);
  const shadow = await host.readFile('/etc/shadow');
  const { world } = health;
  const tried = await world.latchkey(
    ['reset', name, '--account', ACCOUNT.name, '--password-stdin', '--json'],
    `${newPassword()}\n`,
  );
  expect(tried.code).toBe(2);
  expect(tried.stdout).toContain('"agent-fenced"');
  expect(tried.stdout).toContain(explain('agent-fenced').remedy);
  expect(await host.readFile('/etc/shadow')).toBe(shadow);
}

/** What the remedy says: the operator allows it, and the agent gets another identity, which the operator compares. */
async function reEnrol(host: Host, name: string): Promise<void> {
  const { world } = health;
  const unit = await host.readFile(`/etc/systemd/system/${UNIT}`);
  await host.must([AGENT, 'uninstall', '--yes']);
  const created = (await world.json(['tokens', 'create', '--type', 'join', '--instance', name, '--re-enrol'])) as {
    token: string;
  };
  await host.must([AGENT, 'enroll', '--url', world.url, '--name', name], { input: `${created.token}\n` });
  await host.writeFile(`/etc/systemd/system/${UNIT}`, unit);
  await host.must(['systemctl', 'daemon-reload']);
  await host.must(['systemctl', 'enable', '--now', UNIT]);
  await health.shown(name, 'its new identity', isWell);
  const tried = await world.latchkey(
    ['reset', name, '--account', ACCOUNT.name, '--password-stdin', '--json'],
    `${newPassword()}\n`,
  );
  expect([tried.code, tried.stdout]).toEqual([2, expect.stringContaining('"identity-changed"')]);
  const fingerprint = /SHA256:\S+/.exec((await host.exec([AGENT, 'status'])).stdout)?.[0] ?? '';
  await world.json(['instances', 'trust', name, '--fingerprint', fingerprint]);
}

describe.concurrent('a copy is fenced', () => {
  test('of a disk that is booted elsewhere while the original runs; a new identity mends it', async () => {
    const original = await health.host('original');
    await health.mustReset(original);
    const copy = await createHost(health.world.fabric, { name: 'copy' });
    await copyDisk(original, copy);
    const clonedAt = Date.now();
    await copy.start();
    await expectFenced(original, 'disk image copied and booted elsewhere', clonedAt);
    // It stays so, whoever of them is left.
    await copy.kill();
    await original.must(['systemctl', 'restart', UNIT]);
    expect(isFenced('identity-cloned')(await health.shown('original', 'anything', () => true))).toBe(true);
    await reEnrol(original, 'original');
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
    await expectFenced(original, 'two agents with one identity', clonedAt);
  });

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
    await expectFenced(host, 'state directory of an older snapshot', clonedAt, 'continuity-lost');
  });
});

describe.concurrent('no copy', () => {
  /** Never fenced, not even for a moment: the audit would know. */
  async function expectNeverFenced(host: Host): Promise<void> {
    expect(health.history(host.name)).not.toContain('abnormal');
    const { items } = (await health.world.json(['audit', 'list', '--action', 'agent.state'])) as {
      items: { resource: string; detail: { to?: string } }[];
    };
    const { id } = (await health.world.json(['instances', 'show', host.name])) as { id: string };
    const states = items.filter(({ resource }) => resource === `instance:${id}`).map(({ detail }) => detail.to);
    expect(states).toContain('running');
    expect(states).not.toContain('abnormal');
  }

  test('is an instance with another machine-id, another network card, another OS, or after a power cut', async () => {
    const host = await health.host('same');
    const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
      [
        'another machine-id',
        async () => {
          await host.writeFile('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`);
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
        'another OS and host name',
        async () => {
          await host.must(['sed', '-i', 's/^PRETTY_NAME=.*/PRETTY_NAME="Another Linux 99"/', '/etc/os-release']);
          await host.must(['hostname', 'renamed']);
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
      ['a killed agent', () => host.must(['systemctl', 'kill', '--signal=KILL', UNIT])],
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
    await expectNeverFenced(host);
  });

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
    await expectNeverFenced(old);
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
    await reEnrol(host, 'anew');
    health.note('no clone: installed anew under its name', 'running', Date.now() - at, null);
    await health.mustReset(host);
    await expectNeverFenced(host);
  });
});
