import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootHost, type Host } from '../support/hosts/host.ts';
import { suLogin } from '../support/hosts/login.ts';
import { ACCOUNT, openHealthWorld, UNIT, type HealthWorld, type Seen } from './health-world.ts';
import { newPassword } from './world.ts';

/**
 * Instances whose clock is wrong. A container has its machine's clock, so a library in front of libc gives each host one
 * of its own: all of its programs are told that time, the agent, the shadow tools and PAM alike.
 */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

const DAY_S = 86_400;
const LIBRARY = 'faketime/libfaketime.so.1';
/** Monotonic time is the kernel's: a wrong clock of the wall does not touch it. */
const MONOTONIC = '[Service]\nEnvironment=FAKETIME_DONT_FAKE_MONOTONIC=1\n';

/** From now on, the host's clock is that far ahead, in seconds. Running programs hear of it within ten seconds. */
async function setClock(host: Host, aheadS: number): Promise<void> {
  await host.writeFile('/etc/faketimerc', `${aheadS < 0 ? '' : '+'}${String(aheadS)}\n`);
}

async function giveClock(host: Host, aheadS: number): Promise<void> {
  await setClock(host, aheadS);
  await host.writeFile(`/etc/systemd/system/${UNIT}.d/clock.conf`, MONOTONIC);
  const path = (await host.must(['sh', '-c', `ls /usr/lib/*/${LIBRARY}`])).trim();
  await host.writeFile('/etc/ld.so.preload', `${path}\n`);
  await host.must(['systemctl', 'daemon-reload']);
}

const isSkewed = ({ state, reasons }: Seen) =>
  state === 'running' && reasons.some(({ code }) => code === 'clock-skewed');
const isWell = ({ state, reasons }: Seen) => state === 'running' && reasons.length === 0;

/** Seconds between the host's clock and ours. */
async function skewOf(host: Host): Promise<number> {
  return Number(await host.must(['date', '+%s'])) - Date.now() / 1000;
}

async function reset(host: Host, before: string): Promise<string> {
  const password = newPassword();
  const { report } = await health.world.reset([host.name, '--account', ACCOUNT.name], password);
  expect(report.tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
  // Not by ssh: the library reads its settings anew where sshd has locked itself in, and is killed for it.
  const verdicts = await Promise.all([password, before].map((tried) => suLogin(host, ACCOUNT.name, tried)));
  expect(verdicts).toEqual(['accepted', 'refused']);
  return password;
}

const CLOCKS = [
  ['1970', 'at 1970', () => -Math.floor(Date.now() / 1000) + 600],
  ['behind', 'a day behind', () => -DAY_S],
  ['ahead', 'a day ahead', () => DAY_S],
] as const;

describe.concurrent('a clock that is wrong blocks no reset, and is told', () => {
  test.each(CLOCKS)(
    'on %s, %s: while the agent runs, at its start, and until it is right again',
    async (id, what, ahead) => {
      const host = await health.host(`clock-${id}`);
      await giveClock(host, 0);
      await host.must(['systemctl', 'restart', UNIT]);
      await health.shown(host.name, 'the right clock', isWell);
      const brokenAt = Date.now();
      await setClock(host, ahead());
      expect(Math.abs((await skewOf(host)) - ahead())).toBeLessThan(60);
      const seen = await health.shown(host.name, what, isSkewed);
      const noticedMs = Date.now() - brokenAt;
      expect(seen.reasons).toHaveLength(1);
      let password = await reset(host, ACCOUNT.password);
      await host.must(['systemctl', 'restart', UNIT]);
      await health.shown(host.name, `${what}, at its start`, isSkewed);
      password = await reset(host, password);
      const mendedAt = Date.now();
      await setClock(host, 0);
      await health.shown(host.name, 'its right clock', isWell);
      health.note(`clock ${what}`, 'clock-skewed (advice)', noticedMs, Date.now() - mendedAt);
      await reset(host, password);
      expect(health.history(host.name)).not.toContain('abnormal');
    },
  );
});

describe.concurrent('an instance is enrolled, and its passwords are reset', () => {
  test.each(CLOCKS)('with its clock at %s from the beginning', async (id, what, ahead) => {
    const { world } = health;
    const host = await bootHost(world.fabric, { name: `new-${id}`, accounts: [ACCOUNT] });
    await giveClock(host, ahead());
    await world.install(host);
    const shown = await health.shown(host.name, what, isSkewed);
    expect(shown.state).toBe('running');
    await reset(host, ACCOUNT.password);
  });
});
