import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENT_VERSION } from '../../agent/version.ts';
import { buildPackage } from '../../scripts/package/build.ts';
import { CHECKOUT_IN_HOST, bootHost, type Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { newPassword, openWorld, type World } from './world.ts';

/** The agent as it is shipped, on a booted host that has neither Node nor this checkout. */
const DIRECTORY = '/usr/local/lib/latchkey-agent';
const AGENT = '/usr/local/bin/latchkey-agent';
const UNIT = 'latchkey-agent.service';
const OLD = 'Old-Password-1';

let world: World;
let host: Host;

beforeAll(async () => {
  const { archive } = await buildPackage();
  world = await openWorld();
  host = await bootHost(world.fabric, { name: 'packaged', accounts: [{ name: 'alice', password: OLD }] });
  await host.must(['umount', CHECKOUT_IN_HOST]);
  await host.must(['mkdir', DIRECTORY]);
  const unpack = ['tar', '-xzf', '-', '-C', DIRECTORY, '--strip-components=1'] as const;
  await host.must(unpack, { input: await readFile(archive) });
  await host.must(['ln', '-s', `${DIRECTORY}/latchkey-agent`, AGENT]);
  await host.must(['cp', `${DIRECTORY}/${UNIT}`, '/etc/systemd/system/']);
}, 600_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function pidOfAgent(): Promise<string> {
  return (await host.must(['systemctl', 'show', '--property=MainPID', '--value', UNIT])).trim();
}

describe('the executable on a host without Node and without this checkout', () => {
  test('is all that is there', async () => {
    expect((await host.exec(['sh', '-c', 'command -v node nodejs'])).stdout).toBe('');
    expect(await host.must(['ls', '-A', CHECKOUT_IN_HOST])).toBe('');
    expect(await host.must([AGENT, '--version'])).toBe(`${AGENT_VERSION}\n`);
  });

  test('enrols, and runs as the unit that came with it starts it', async () => {
    const { token } = (await world.json(['tokens', 'create', '--type', 'join'])) as { token: string };
    await host.must([AGENT, 'enroll', '--url', world.url, '--name', 'packaged'], { input: `${token}\n` });
    await host.must(['systemctl', 'enable', '--now', UNIT]);
    await world.state('packaged', 'running');
    expect(await host.must([AGENT, 'status'])).toContain('connected since');
    expect((await host.must(['readlink', `/proc/${await pidOfAgent()}/exe`])).trim()).toBe(
      `${DIRECTORY}/latchkey-agent`,
    );
  });

  test('finds everything well', async () => {
    expect(await host.must([AGENT, 'check'])).toContain('authentication');
  });

  test('resets a password, proven by a login, and keeps the old one out', async () => {
    const password = newPassword();
    const { code, report } = await world.reset(['packaged', '--account', 'alice'], password);
    expect(report.tasks).toMatchObject([{ instance: 'packaged', state: 'succeeded', code: null, verifiedBy: 'login' }]);
    expect(code).toBe(0);
    await expectOnly(host, 'alice', { accepted: password, refused: [OLD] });
  });

  test('does so again after a reboot', async () => {
    await host.reboot();
    await host.must(['umount', CHECKOUT_IN_HOST]);
    await world.state('packaged', 'running');
    const password = newPassword();
    const { report } = await world.reset(['packaged', '--account', 'alice'], password);
    expect(report.tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
    await expectOnly(host, 'alice', { accepted: password, refused: [OLD] });
  });

  test('opens no debugger', async () => {
    const pid = await pidOfAgent();
    await host.must(['kill', '-USR1', pid]);
    await world.state('packaged', 'running');
    const sockets = await host.must(['ss', '--listening', '--numeric', '--processes', '--no-header']);
    expect(sockets).not.toContain(`pid=${pid},`);
    expect(await pidOfAgent()).toBe(pid);
  });

  test('uninstalls: the service ends, the control plane hears of it, and no key is left', async () => {
    const said = await host.must([AGENT, 'uninstall', '--yes']);
    expect(said).toContain('The control plane has been told.');
    expect((await host.exec(['ls', '/var/lib/latchkey-agent'])).code).not.toBe(0);
    expect((await host.exec(['systemctl', 'is-active', UNIT])).code).not.toBe(0);
  });
});
