import { expect } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { suLogin } from '../support/hosts/login.ts';
import { ACCOUNT, UNIT, type HealthWorld, type Seen } from './health-world.ts';
import { newPassword } from './world.ts';

/**
 * Instances whose clock is wrong. A container has its machine's clock, so a library in front of libc gives each host one
 * of its own: all of its programs are told that time, the agent, the shadow tools and PAM alike.
 */

const DAY_S = 86_400;
const LIBRARY = 'faketime/libfaketime.so.1';
/** Monotonic time is the kernel's: a wrong clock of the wall does not touch it. */
const MONOTONIC = '[Service]\nEnvironment=FAKETIME_DONT_FAKE_MONOTONIC=1\n';

/** From now on, the host's clock is that far ahead, in seconds. Running programs hear of it within ten seconds. */
export async function setClock(host: Host, aheadS: number): Promise<void> {
  await host.writeFile('/etc/faketimerc', `${aheadS < 0 ? '' : '+'}${String(aheadS)}\n`);
}

export async function giveClock(host: Host, aheadS: number): Promise<void> {
  await setClock(host, aheadS);
  await host.writeFile(`/etc/systemd/system/${UNIT}.d/clock.conf`, MONOTONIC);
  const path = (await host.must(['sh', '-c', `ls /usr/lib/*/${LIBRARY}`])).trim();
  await host.writeFile('/etc/ld.so.preload', `${path}\n`);
  await host.must(['systemctl', 'daemon-reload']);
}

export const isSkewed = ({ state, reasons }: Seen) =>
  state === 'running' && reasons.some(({ code }) => code === 'clock-skewed');

/** Seconds between the host's clock and ours. */
export async function skewOf(host: Host): Promise<number> {
  return Number(await host.must(['date', '+%s'])) - Date.now() / 1000;
}

export async function reset(health: HealthWorld, host: Host, before: string): Promise<string> {
  const password = newPassword();
  const { report } = await health.world.reset([host.name, '--account', ACCOUNT.name], password);
  expect(report.tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
  // Not by ssh: the library reads its settings anew where sshd has locked itself in, and is killed for it.
  const verdicts = await Promise.all([password, before].map((tried) => suLogin(host, ACCOUNT.name, tried)));
  expect(verdicts).toEqual(['accepted', 'refused']);
  return password;
}

export const CLOCKS = [
  ['1970', 'at 1970', () => -Math.floor(Date.now() / 1000) + 600],
  ['behind', 'a day behind', () => -DAY_S],
  ['ahead', 'a day ahead', () => DAY_S],
] as const;
