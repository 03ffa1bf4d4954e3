import { expect } from 'vitest';
import { explain, type HealthCode } from '#protocol';
import { CHECKOUT_IN_HOST, type Host } from '../support/hosts/host.ts';
import { ACCOUNT, isWell, NOTICED_MS_MAX, UNIT, type HealthWorld, type Seen } from './health-world.ts';
import { newPassword } from './world.ts';

/** What tests of copies and of what is none have in common. */
export const AGENT = `${CHECKOUT_IN_HOST}/scripts/latchkey-agent`;
export const STATE = '/var/lib/latchkey-agent';

export const isFenced =
  (wanted: HealthCode) =>
  ({ state, reasons }: Seen) =>
    state === 'abnormal' && reasons.some(({ code }) => code === wanted);

/** Everything that a host has written, onto the disk of another one that is off. */
export async function copyDisk(from: Host, to: Host): Promise<void> {
  // What a host has deleted is marked by devices that cannot be copied, and need not be.
  const script = `cd "/run/hosts/$1/upper" && find . -type c -prune -o -print0 |
    tar --null --no-recursion --files-from - --create | tar --extract --directory "/run/hosts/$2/root"`;
  const { enter } = from.fabric.internals;
  const copied = await from.fabric.exec([...enter, 'sh', '-c', script, 'sh', from.name, to.name]);
  expect(copied, copied.stderr).toMatchObject({ code: 0 });
}

export async function expectFenced(
  health: HealthWorld,
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
export async function reEnrol(health: HealthWorld, host: Host, name: string): Promise<void> {
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

/** Never fenced, not even for a moment: the audit would know. */
export async function expectNeverFenced(health: HealthWorld, host: Host): Promise<void> {
  expect(health.history(host.name)).not.toContain('abnormal');
  const { items } = (await health.world.json(['audit', 'list', '--action', 'agent.state'])) as {
    items: { resource: string; detail: { to?: string } }[];
  };
  const { id } = (await health.world.json(['instances', 'show', host.name])) as { id: string };
  const states = items.filter(({ resource }) => resource === `instance:${id}`).map(({ detail }) => detail.to);
  expect(states).toContain('running');
  expect(states).not.toContain('abnormal');
}
