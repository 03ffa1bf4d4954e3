import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fingerprintOf, Thumbprint } from '#protocol';
import { AGENT_VERSION } from '../../agent/version.ts';
import type { Host } from '../support/hosts/host.ts';
import { filesOf, openInstallWorld, secretOf, type InstallWorld } from './install-world.ts';

const RUNS_WITHIN_MS = 10_000;
const PROXY = fileURLToPath(new URL('install-proxy.ts', import.meta.url));

let installs: InstallWorld;
beforeAll(async () => {
  installs = await openInstallWorld();
});
afterAll(() => installs[Symbol.asyncDispose]());

/** The states that the agent of an instance went through, oldest first. */
async function statesOf(name: string): Promise<unknown[]> {
  const { id } = (await installs.world.json(['instances', 'show', name])) as { id: string };
  const { items } = (await installs.world.json(['audit', 'list', '--action', 'agent.state'])) as {
    items: { resource: string; detail: { to: string } }[];
  };
  return items
    .filter(({ resource }) => resource === `instance:${id}`)
    .map(({ detail }) => detail.to)
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

    const startedAt = performance.now();
    const said = await installs.paste(host, line);
    expect(said, said.stderr).toMatchObject({ code: 0, stderr: '' });
    await installs.world.state(host.name, 'running');
    expect(performance.now() - startedAt).toBeLessThan(RUNS_WITHIN_MS);
    expect(await statesOf(host.name)).toEqual(['installing', 'running']);

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
    const again = await installs.paste(host, line);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await host.must(['systemctl', 'show', '--property=MainPID', '--value', 'latchkey-agent'])).toBe(pid);
    expect((await installs.agentOf(host.name)).state).toBe('running');

    await host.must(['latchkey-agent', 'uninstall', '--yes']);
    expect(await filesOf(host)).toEqual(before);
    await installs.world.state(host.name, 'offline');
  });
});

describe('what goes wrong', () => {
  let host: Host;
  let proxy: string;
  beforeAll(async () => {
    host = await installs.boot('faulty');
    const { fabric } = installs.world;
    const child = fabric.spawn(execPath, [PROXY, fabric.address, '3128', 'user:let-me']);
    await once(child.stdout, 'data');
    proxy = `http://user:let-me@${fabric.address}:3128`;
  });
  afterAll(() => host[Symbol.asyncDispose]());

  const shim = (tool: string, script: string) =>
    `mkdir /run/shim && printf '#!/bin/sh\\n${script}\\n' > /run/shim/${tool} && chmod +x /run/shim/${tool} && export PATH=/run/shim:$PATH`;
  const noexec = 'mount -t tmpfs -o noexec,mode=755 none /usr/local/lib';
  const small = 'mount -t tmpfs -o size=20m,mode=755 none /usr/local/lib';
  const readOnly = 'mount -t tmpfs -o ro,mode=755 none /usr/local/lib';
  const notBooted = 'mount -t tmpfs none /run/systemd';
  const failing =
    'mkdir -p /etc/systemd/system/latchkey-agent.service.d && ' +
    'printf "[Service]\\nExecStartPre=/bin/false\\n" > /etc/systemd/system/latchkey-agent.service.d/fail.conf';
  const mended = 'rm -r /etc/systemd/system/latchkey-agent.service.d && systemctl daemon-reload';

  test.each([
    { what: 'another processor', options: ['--arch', 'arm64'], code: 'install-architecture-unsupported' },
    { what: 'an old C library', within: shim('getconf', 'echo glibc 2.27'), code: 'install-libc-unsupported' },
    { what: 'no glibc', within: shim('getconf', 'exit 1'), code: 'install-libc-unsupported' },
    { what: 'no systemd', within: notBooted, code: 'install-systemd-missing' },
    { what: 'no programs allowed where it is installed', within: noexec, code: 'install-noexec' },
    { what: 'a full disk', within: small, code: 'install-disk-full' },
    { what: 'a read-only disk', within: readOnly, code: 'install-directory-unwritable' },
    {
      what: 'a missing tool',
      within: shim('tar', '') + ' && rm /run/shim/tar && mount --bind /dev/null /usr/bin/cmp',
      code: 'install-tool-missing',
    },
    {
      what: 'an altered archive',
      alter: [/--sha256 \w{8}/, '--sha256 00000000'] as const,
      code: 'install-archive-altered',
    },
    {
      what: 'a release that went away',
      alter: [/--version \S+/, '--version 9.9.9'] as const,
      code: 'install-release-missing',
    },
    { what: 'a service that does not start', before: failing, after: mended, code: 'install-service-failed' },
  ])('$what is told on both ends, and leaves nothing', async (fault) => {
    const {
      what,
      options = [],
      within = 'true',
      before: prepare = 'true',
      after = 'true',
      code,
      alter = ['', ''],
    } = fault;
    const name = `faulty-${what.replaceAll(/[^a-z]+/gi, '-').toLowerCase()}`;
    await installs.world.json(['instances', 'add', name, '--os', 'linux']);
    const line = await installs.line('--instance', name, ...options);
    const before = await filesOf(host);
    await host.must(['sh', '-c', prepare]);
    const shell = ['unshare', '--mount', 'sh', '-c', `${within} && exec sh`] as const;
    const said = await host.exec(shell, { input: `${line.replace(alter[0], alter[1])}\n`, timeoutMs: 120_000 });
    await host.must(['sh', '-c', `${after}; rm -rf /run/shim`]);
    expect(said.code, said.stderr).toBe(1);
    expect(said.stderr).toContain(`latchkey: ${code}: `);
    expect(said.stderr).not.toContain(secretOf(line));
    expect(await filesOf(host)).toEqual(before);
    expect(await host.exec(['systemctl', 'is-active', 'latchkey-agent'])).toMatchObject({ stdout: 'inactive\n' });
    const agent = await installs.agentOf(name);
    expect({ state: agent.state, reasons: agent.reasons }).toMatchObject({
      state: 'install-failed',
      reasons: [{ code }],
    });
  });

  const otherAuthority = (line: string) => {
    // Another key under the same name: a byte within the key.
    const [head, pem = '', tail] = line.split(/(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----)/);
    const at = Math.floor(pem.length / 2);
    return `${head ?? ''}${pem.slice(0, at)}${pem[at] === 'A' ? 'B' : 'A'}${pem.slice(at + 1)}${tail ?? ''}`;
  };
  const token = (line: string) => line.replace(/(lkj_[^_]+_)./, (_, start: string) => `${start}-`);

  test.each([
    { what: 'no route', prefix: ['unshare', '--net'], env: {}, change: String, code: 'install-unreachable' },
    {
      what: 'a proxy that is not there',
      env: { HTTPS_PROXY: 'http://10.77.0.1:9' },
      change: String,
      code: 'install-unreachable',
    },
    {
      what: 'a proxy that wants a password',
      env: { HTTPS_PROXY: 'http://10.77.0.1:3128' },
      change: String,
      code: 'install-proxy-refused',
    },
    { what: 'another authority', env: {}, change: otherAuthority, code: 'install-tls-untrusted' },
    {
      what: 'no authority',
      env: {},
      change: (line: string) => line.replace(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/, ''),
      code: 'install-tls-untrusted',
    },
    {
      what: 'another script',
      env: {},
      change: (line: string) => line.replace(/' [0-9a-f]{64} /, `' ${'0'.repeat(64)} `),
      code: 'install-script-altered',
    },
    { what: 'a wrong token', env: {}, change: token, code: 'install-enrolment-refused' },
    {
      what: 'a user who is not root',
      prefix: ['setpriv', '--reuid=65534', '--clear-groups'],
      env: {},
      change: String,
      code: 'install-not-root',
    },
  ])('$what is told on the host, and leaves nothing', async ({ prefix = [], env, change, code }) => {
    const before = await filesOf(host);
    const line = await installs.line();
    const said = await host.exec(['env', ...prefix, 'sh'], { input: `${change(line)}\n`, env });
    expect(said.code, said.stderr).toBe(1);
    expect(said.stderr).toContain(`latchkey: ${code}: `);
    expect(await filesOf(host)).toEqual(before);
  });

  test('an interruption leaves nothing, and is told', async () => {
    await installs.world.json(['instances', 'add', 'cut-off', '--os', 'linux']);
    const line = await installs.line('--instance', 'cut-off');
    const before = await filesOf(host);
    const slow = shim('sync', 'sleep 30');
    const shell = ['sh', '-c', `${slow} && exec timeout --signal=TERM 6 sh`] as const;
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
  });

  test('through a proxy it installs, and the agent keeps to that proxy', async () => {
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
    await host.writeFile('/run/shim/wget', await readFile('/usr/bin/wget'), '0755');
    const shell = ['unshare', '--mount', 'sh', '-c'] as const;
    const wgetAlone = 'mount --bind /dev/null /usr/bin/curl && export PATH=/run/shim:$PATH && exec sh';
    const line = await installs.line('--name', 'by-wget');
    const refused = await host.exec([...shell, wgetAlone], { input: `${otherAuthority(line)}\n` });
    expect(refused.stderr).toContain('latchkey: install-tls-untrusted: ');
    const said = await host.exec([...shell, wgetAlone], { input: `${line}\n`, timeoutMs: 120_000 });
    expect(said.code, said.stderr).toBe(0);
    await installs.world.state('by-wget', 'running');
    await host.must(['latchkey-agent', 'uninstall', '--yes']);
    await host.must(['rm', '-r', '/run/shim']);
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
