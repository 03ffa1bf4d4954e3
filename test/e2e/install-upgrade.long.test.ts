import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGENT_VERSION } from '../../agent/version.ts';
import type { Host } from '../support/hosts/host.ts';
import { until } from '../support/hosts/until.ts';
import { filesOf, openInstallWorld, type InstallWorld } from './install-world.ts';

const OLD = '0.0.1';
const NEW = AGENT_VERSION;
const BROKEN = '999.0.0';

let installs: InstallWorld;
let host: Host;
beforeAll(async () => {
  installs = await openInstallWorld();
  await installs.addVersion(OLD, ':');
  await installs.addVersion(BROKEN, '[ "$1" != run ] || exit 1');
  host = await installs.boot('grown');
});
afterAll(() => installs[Symbol.asyncDispose]());

const version = async () => (await host.must(['latchkey-agent', '--version'])).trim();
const fingerprint = async () => /SHA256:\S+/.exec(await host.must(['latchkey-agent', 'status']))?.[0];

test('a newer release takes the place of an older one and keeps the identity; one that does not run gives way again', async () => {
  const before = await filesOf(host);
  const first = await installs.paste(host, await installs.line('--version', OLD));
  expect(first.code, first.stderr).toBe(0);
  await installs.world.state(host.name, 'running');
  expect(await version()).toBe(OLD);
  const identity = await fingerprint();

  const second = await installs.paste(host, await installs.line('--version', NEW));
  expect(second.code, second.stderr).toBe(0);
  expect(await version()).toBe(NEW);
  expect(await fingerprint()).toBe(identity);
  await installs.world.state(host.name, 'running');

  const good = await filesOf(host);
  const third = await installs.paste(host, await installs.line('--version', BROKEN));
  expect(third.code).toBe(1);
  expect(third.stderr).toMatch(/latchkey: install-not-connected: .*the service is (activating|failed)/);
  // The agent of before is started again, and makes its lock when it runs.
  const lock = ['test', '-e', '/var/lib/latchkey-agent/agent.lock'] as const;
  await until(async () => (await host.exec(lock)).code === 0, { what: 'the agent to be back', deadlineMs: 30_000 });
  expect(await filesOf(host)).toEqual(good);
  expect(await version()).toBe(NEW);
  await installs.world.state(host.name, 'running');
  expect(await fingerprint()).toBe(identity);

  await host.must(['latchkey-agent', 'uninstall', '--yes']);
  expect(await filesOf(host)).toEqual(before);
});

test('an instance whose host was made anew is installed with a line that may replace its identity, and no other', async () => {
  await installs.world.json(['instances', 'add', 'remade', '--os', 'linux']);
  const first = await installs.paste(host, await installs.line('--instance', 'remade', '--version', NEW));
  expect(first.code, first.stderr).toBe(0);
  await host.must(['latchkey-agent', 'uninstall', '--yes']);
  await installs.world.state('remade', 'offline');

  const refused = await installs.world.latchkey(['agents', 'install-command', '--instance', 'remade']);
  expect(refused.stderr).toContain('instance-already-enrolled');
  const line = await installs.line('--instance', 'remade', '--re-enrol', '--version', NEW);
  const second = await installs.paste(host, line);
  expect(second.code, second.stderr).toBe(0);
  await installs.world.state('remade', 'running');
});

test('a host that belongs to another control plane is left to it', async () => {
  const config = '/var/lib/latchkey-agent/config.json';
  const settings = (await host.readFile(config)).replaceAll(installs.world.url, 'https://other.example:8443');
  await host.writeFile(config, settings, '0600');
  const before = await filesOf(host);
  const said = await installs.paste(host, await installs.line('--version', NEW));
  expect(said.code).toBe(1);
  expect(said.stderr).toContain('latchkey: install-enrolled-elsewhere: ');
  expect(await host.readFile(config)).toBe(settings);
  expect(await filesOf(host)).toEqual(before);
});
