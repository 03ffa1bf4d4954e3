import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fingerprintOf, Thumbprint } from '#protocol';
import { AGENT_VERSION } from '../../agent/version.ts';
import type { Host } from '../support/hosts/host.ts';
import { COMMON_FAULTS, expectFault } from './install-faults.ts';
import { filesOf, openInstallWorld, secretOf, type InstallWorld } from './install-world.ts';

const RUNS_WITHIN_MS = 10_000;

let installs: InstallWorld;
beforeAll(async () => {
  installs = await openInstallWorld();
});
afterAll(() => installs[Symbol.asyncDispose]());

/** The states that the agent of an instance went through, oldest first, and when. */
async function statesOf(name: string): Promise<{ state: string; at: number }[]> {
  const { id } = (await installs.world.json(['instances', 'show', name])) as { id: string };
  const { items } = (await installs.world.json(['audit', 'list', '--action', 'agent.state'])) as {
    items: { at: number; resource: string; detail: { to: string } }[];
  };
  return items
    .filter(({ resource }) => resource === `instance:${id}`)
    .map(({ at, detail }) => ({ at, state: detail.to }))
    .toReversed();
}

describe.each(['bookworm', 'trixie'] as const)('on %s', (suite) => {
  let host: Host;
  beforeAll(async () => {
    host = await installs.boot(`plain-${suite}`, suite);
  });
  afterAll(() => host[Symbol.asyncDispose]());

  test('the printed line installs the agent, which runs within ten seconds; again is harmless; uninstall leaves nothing', async () => {
    const before = await filesOf(host);
    await installs.world.json(['instances', 'add', host.name, '--os', 'linux']);
    const line = await installs.line('--instance', host.name);

    const startedAt = Date.now();
    const said = await installs.paste(host, line);
    expect(said, said.stderr).toMatchObject({ code: 0, stderr: '' });
    await installs.world.state(host.name, 'running');
    const states = await statesOf(host.name);
    expect(states.map(({ state }) => state)).toEqual(['installing', 'running']);

    const { identity } = await installs.agentOf(host.name);
    expect(said.stdout).toContain(fingerprintOf(Thumbprint.parse(identity)));
    expect(said.stdout).toContain(`latchkey instances trust ${host.name}\n`);
    const modes = [`/usr/local/lib/latchkey-agent/${AGENT_VERSION}`, '/etc/systemd/system/latchkey-agent.service'];
    expect((await host.must(['stat', '-c', '%a %U', ...modes])).trim().split('\n')).toEqual(['755 root', '644 root']);
    expect((await host.must(['stat', '-c', '%a', '/var/lib/latchkey-agent/identity.key'])).trim()).toBe('600');
    expect(await host.must(['find', '/usr/local/lib/latchkey-agent', '-name', '.*'])).toBe('');
    const limits = await host.must([
      'systemctl',
      'show',
      '--property=MemoryMax,TasksMax,NoNewPrivileges',
      'latchkey-agent',
    ]);
    expect(limits.trim().split('\n').toSorted()).toEqual([
      'MemoryMax=536870912',
      'NoNewPrivileges=yes',
      'TasksMax=256',
    ]);
    const secret = secretOf(line);
    const searched = await host.exec(['grep', '-rlF', secret, '/etc', '/var', '/root', '/usr/local', '/tmp', '/run']);
    expect(searched.stdout).toBe('');

    const pid = await host.must(['systemctl', 'show', '--property=MainPID', '--value', 'latchkey-agent']);
    // What any user can open, any user can keep locked.
    await host.must(['sh', '-c', 'runuser -u nobody -- flock /usr/local/lib/latchkey-agent sleep 600 >&- 2>&- <&- &']);
    expect(await host.exec(['runuser', '-u', 'nobody', 'cat', '/usr/local/lib/latchkey-agent/lock'])).toMatchObject({
      code: 1,
    });
    const again = await installs.paste(host, line);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await host.must(['systemctl', 'show', '--property=MainPID', '--value', 'latchkey-agent'])).toBe(pid);
    expect((await installs.agentOf(host.name)).state).toBe('running');

    await host.must(['latchkey-agent', 'uninstall', '--yes']);
    expect(await filesOf(host)).toEqual(before);
    await installs.world.state(host.name, 'offline');
    // Last: on a machine that others use, too, it says what is slow and not what is wrong.
    expect((states[1]?.at ?? Infinity) - startedAt).toBeLessThan(RUNS_WITHIN_MS);
  });
});

describe('what goes wrong', () => {
  let host: Host;
  beforeAll(async () => {
    host = await installs.boot('faulty');
  });
  afterAll(() => host[Symbol.asyncDispose]());

  test.each(COMMON_FAULTS)('$what is told as $code, and leaves nothing', (fault) => expectFault(installs, host, fault));
});
