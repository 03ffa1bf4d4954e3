import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { until } from '../support/hosts/until.ts';
import { newPassword, openWorld, type World } from './world.ts';

/**
 * What the agent's unit takes away from it, seen on a booted host, and what a user with an account there can do to the
 * agent. That resets work all the same is what the tests beside this one show.
 */
let world: World;
let host: Host;
const UNIT = 'latchkey-agent.service';
const STATE = '/var/lib/latchkey-agent';
const USER = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] as const;
/** agent/README.md quotes it. Out of 10, where 10 is no confinement at all. */
const EXPOSURE_MAX = 3.3;

beforeAll(async () => {
  world = await openWorld();
  host = await world.host({ name: 'confined', accounts: [{ name: 'alice', password: 'Old-Password-1' }] });
}, 300_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function mainPid(): Promise<string> {
  return (await host.must(['systemctl', 'show', '--property=MainPID', '--value', UNIT])).trim();
}

async function statusField(name: string): Promise<string> {
  const text = await host.readFile(`/proc/${await mainPid()}/status`);
  return new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(text)?.[1] ?? '';
}

describe('the unit', () => {
  test('is confined as far as agent/README.md says', async () => {
    const said = await host.must(['systemd-analyze', 'security', '--no-pager', UNIT]);
    const exposure = Number(/Overall exposure level for \S+: ([0-9.]+)/.exec(said)?.[1]);
    expect(exposure).toBeLessThanOrEqual(EXPOSURE_MAX);
  });

  test('leaves eight capabilities, and none beside them to what it starts', async () => {
    const bits = [0, 1, 3, 5, 6, 7, 18, 29]; // chown dac_override fowner kill setgid setuid sys_chroot audit_write
    const mask = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
    expect(BigInt(`0x${await statusField('CapBnd')}`)).toBe(mask);
    expect(await statusField('NoNewPrivs')).toBe('1');
    expect(await statusField('Seccomp')).toBe('2');
  });

  test('lets nothing of it listen, and no debugger in', async () => {
    const pid = await mainPid();
    await host.must(['kill', '-USR1', pid]);
    await world.state('confined', 'running');
    expect(await host.must(['ss', '--listening', '--numeric', '--processes', '--no-header'])).not.toContain(
      `pid=${pid},`,
    );
    expect(await mainPid()).toBe(pid);
  });

  test('writes no core file', async () => {
    expect(await host.readFile(`/proc/${await mainPid()}/limits`)).toMatch(/^Max core file size\s+0\s+0\s/m);
  });

  test('sees homes, and changes none', async () => {
    const inside = ['nsenter', '--mount', `--target=${await mainPid()}`, '--'] as const;
    await host.must(['touch', '/home/alice/.google_authenticator']);
    await host.must([...inside, 'cat', '/home/alice/.google_authenticator']);
    expect((await host.exec([...inside, 'touch', '/home/alice/x'])).code).not.toBe(0);
    expect((await host.exec([...inside, 'touch', '/usr/x'])).code).not.toBe(0);
  });
});

describe('a user of the instance', () => {
  test.each([
    ['reads no file of the agent', ['ls', STATE]],
    ['reads not its memory', ['cat', '/proc/PID/mem']],
    ['reads not its environment', ['cat', '/proc/PID/environ']],
    ['sees not its open files', ['ls', '/proc/PID/fd']],
    ['cannot end it', ['kill', '-KILL', 'PID']],
    ['cannot stop it', ['kill', '-STOP', 'PID']],
    ['cannot have a debugger opened', ['kill', '-USR1', 'PID']],
  ])('%s', async (_what, command) => {
    const pid = await mainPid();
    const { code, stderr } = await host.exec([
      USER[0],
      ...USER.slice(1),
      ...command.map((word) => word.replace('PID', pid)),
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/ermission denied|not permitted/);
    expect(await mainPid()).toBe(pid);
  });

  test('cannot put a policy in the place of root’s', async () => {
    expect((await host.exec([...USER, 'mkdir', '/etc/latchkey-agent'])).code).not.toBe(0);
  });
});

test('the agent comes back after it was killed', async () => {
  const before = await mainPid();
  await host.must(['kill', '-KILL', before]);
  await until(async () => !['0', before].includes(await mainPid()), { what: 'another agent', deadlineMs: 30_000 });
  await world.state('confined', 'running');
});

test('a stop of the unit waits for a reset that runs, which ends as if nothing had been', async () => {
  // A slow module in the stack, so that the reset is certain to be under way.
  const stack = await host.readFile('/etc/pam.d/login');
  await host.writeFile('/etc/pam.d/login', `auth optional pam_exec.so quiet /bin/sleep 4\n${stack}`);
  const before = await mainPid();
  const reset = world.reset(['confined', '--account', 'alice'], newPassword());
  const sleeps = ['sh', '-c', 'grep --quiet --line-regexp sleep /proc/[0-9]*/comm'] as const;
  await until(async () => (await host.exec(sleeps)).code === 0, { what: 'a proof under way', deadlineMs: 30_000 });
  await host.must(['systemctl', 'restart', UNIT]);
  const { report } = await reset;
  expect(report.tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
  expect(await mainPid()).not.toBe(before);
  await host.writeFile('/etc/pam.d/login', stack);
});
