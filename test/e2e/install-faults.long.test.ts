import { once } from 'node:events';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { bringWget, expectFault, otherAuthority, rareFaults, shim, WGET_ALONE } from './install-faults.ts';
import { filesOf, openInstallWorld, type InstallWorld } from './install-world.ts';

const PROXY = fileURLToPath(new URL('install-proxy.ts', import.meta.url));
/** Of the proxy; every fabric has this network. */
const PROXY_ADDRESS = '10.77.0.1:3128';

let installs: InstallWorld;
let host: Host;
beforeAll(async () => {
  installs = await openInstallWorld();
  host = await installs.boot('faulty');
  await bringWget(host);
  const { fabric } = installs.world;
  const [address = '', port = ''] = PROXY_ADDRESS.split(':');
  expect(fabric.address).toBe(address);
  const child = fabric.spawn(execPath, [PROXY, address, port, 'user:let-me']);
  await once(child.stdout, 'data');
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await installs[Symbol.asyncDispose]();
});

describe('what goes wrong', () => {
  test.each(rareFaults(PROXY_ADDRESS))('$what is told as $code, and leaves nothing', (fault) =>
    expectFault(installs, host, fault),
  );

  test('an interruption leaves nothing, and is told', async () => {
    await installs.world.json(['instances', 'add', 'cut-off', '--os', 'linux']);
    const line = await installs.line('--instance', 'cut-off');
    const before = await filesOf(host);
    const slow = shim('sync', 'sleep 30');
    const shell = ['sh', '-c', `${slow} && exec timeout --signal=TERM 12 sh`] as const;
    const said = await host.exec(shell, { input: `${line}\n`, timeoutMs: 60_000 });
    await host.must(['rm', '-r', '/run/shim']);
    expect(said.stderr).toContain('latchkey: install-interrupted: ');
    expect(await filesOf(host)).toEqual(before);
    const agent = await installs.agentOf('cut-off');
    expect(agent).toMatchObject({ state: 'install-failed', reasons: [{ code: 'install-interrupted' }] });
  });

  test('a token that was used up is told with what to do', async () => {
    const line = await installs.line();
    const used = await installs.boot('used');
    expect((await installs.paste(used, line)).code).toBe(0);
    const said = await installs.paste(host, line);
    expect(said.stderr).toMatch(/install-enrolment-refused: .*--re-enrol.*join-token-used-up/s);
    await used[Symbol.asyncDispose]();
  });
});

describe('what is unusual', () => {
  test('through a proxy it installs, and the agent keeps to that proxy', async () => {
    const proxy = `http://user:let-me@${PROXY_ADDRESS}`;
    const before = await filesOf(host);
    const line = await installs.line('--name', 'by-proxy');
    const said = await installs.paste(host, line, { HTTPS_PROXY: proxy });
    expect(said.code, said.stderr).toBe(0);
    await installs.world.state('by-proxy', 'running');
    expect((await host.must(['stat', '-c', '%a', '/etc/latchkey-agent/environment'])).trim()).toBe('600');
    const { stdout } = await host.exec(['ss', '-tnp', 'state', 'established', 'dport', '=', ':3128']);
    const pid = await host.must(['systemctl', 'show', '--property=MainPID', '--value', 'latchkey-agent']);
    expect(stdout).toContain(`pid=${pid.trim()},`);
    await host.must(['latchkey-agent', 'uninstall', '--yes'], { env: { HTTPS_PROXY: proxy } });
    expect(await filesOf(host)).toEqual(before);
  });

  test('with wget alone it installs, and believes the authority of the line and nobody else', async () => {
    const before = await filesOf(host);
    const shell = ['unshare', '--mount', 'sh', '-c', `${WGET_ALONE} && exec sh`] as const;
    const line = await installs.line('--name', 'by-wget');
    const refused = await host.exec(shell, { input: `${otherAuthority(line)}\n` });
    expect(refused.stderr).toContain('latchkey: install-tls-untrusted: ');
    const said = await host.exec(shell, { input: `${line}\n`, timeoutMs: 120_000 });
    expect(said.code, said.stderr).toBe(0);
    await installs.world.state('by-wget', 'running');
    expect((await host.must(['find', '/dev/shm', '-type', 'f'])).trim()).toBe('');
    await host.must(['latchkey-agent', 'uninstall', '--yes']);
    expect(await filesOf(host)).toEqual(before);
  });

  test('two lines at once come to one installation', async () => {
    const before = await filesOf(host);
    const line = await installs.line('--name', 'twice');
    const both = await Promise.all([installs.paste(host, line), installs.paste(host, line)]);
    for (const { code, stderr } of both) expect(code, stderr).toBe(0);
    expect(both.filter(({ stdout }) => stdout.includes('Enrolled already'))).toHaveLength(1);
    await installs.world.state('twice', 'running');
    await host.must(['latchkey-agent', 'uninstall', '--yes']);
    expect(await filesOf(host)).toEqual(before);
  });

  test('where /tmp forbids programs it installs all the same; without systemd it runs in the foreground', async () => {
    const line = await installs.line('--name', 'foreground', '--no-service');
    const noTmp = 'mount -t tmpfs -o noexec none /tmp && mount -t tmpfs none /run/systemd';
    const said = await host.exec(['unshare', '--mount', 'sh', '-c', `${noTmp} && exec sh`], { input: `${line}\n` });
    expect(said.code, said.stderr).toBe(0);
    expect(said.stdout).toContain('latchkey-agent run');
    const running = host.exec(['timeout', '--signal=TERM', '30', 'latchkey-agent', 'run'], { timeoutMs: 60_000 });
    await installs.world.state('foreground', 'running');
    await host.must(['latchkey-agent', 'uninstall', '--yes']);
    expect((await running).code).toBe(0);
  });
});
