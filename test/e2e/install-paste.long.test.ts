import { spawn as spawnOnTerminal } from 'node-pty';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { placeEnvironment } from '../support/hosts/place.ts';
import { until } from '../support/hosts/until.ts';
import { openInstallWorld, secretOf, type InstallWorld } from './install-world.ts';

let installs: InstallWorld;
beforeAll(async () => {
  installs = await openInstallWorld();
});
afterAll(() => installs[Symbol.asyncDispose]());

describe('the shell that the line is pasted to', () => {
  let host: Host;
  beforeAll(async () => {
    host = await installs.boot('pasted');
  });
  afterAll(() => host[Symbol.asyncDispose]());

  test.each([
    { how: 'at once, as terminals paste', term: 'xterm', wrap: (line: string) => `\u001b[200~${line}\u001b[201~\r` },
    { how: 'line by line', term: 'dumb', wrap: (line: string) => `${line.replaceAll('\n', '\r')}\r` },
  ])('bash does not remember the token when it is pasted $how', async ({ term, wrap }) => {
    const line = await installs.line('--name', `typed-${term}`);
    const [program, ...args] = host.entry();
    const env = { ...placeEnvironment({ TERM: term, HISTFILE: '/root/history' }) };
    const shell = spawnOnTerminal(program, [...args, 'bash', '--norc', '-i'], { env, cols: 200 });
    let shown = '';
    const ended = new Promise((resolve) => shell.onExit(resolve));
    shell.onData((text) => (shown += text));
    await until(() => /[#$] $/.test(shown) || shown.includes('bash-'), { what: () => shown, deadlineMs: 20_000 });
    shell.write('echo kept\r');
    shell.write(wrap(line));
    await until(() => shown.includes('Compare the fingerprint,') || shown.includes('latchkey: install'), {
      what: () => `the installation to end: ${shown}`,
      deadlineMs: 60_000,
    });
    shell.write('exit\r');
    await ended;
    const history = await host.readFile('/root/history');
    expect(history).toContain('echo kept');
    expect(history).toContain('latchkey agents install-command');
    expect(history).not.toContain(secretOf(line));
    expect(history).not.toContain('lkj_');
    await installs.world.state(`typed-${term}`, 'running');
    await host.must(['latchkey-agent', 'uninstall', '--yes']);
  });
});
