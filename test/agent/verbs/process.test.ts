import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeFrame } from '#protocol';
import { openEnrolledWorld, type Enrolled } from '../support/enrolled.ts';
import { listening } from '../../support/listening.ts';
import { eventually } from '../support/fake-wire.ts';

/** The agent as a process of its own, started as its unit starts it. */
const LAUNCHER = fileURLToPath(new URL('../../../scripts/latchkey-agent', import.meta.url));
/** In the masks of /proc/PID/status. */
const SIGUSR1_BIT = 1n << 9n;
type Child = ChildProcessByStdio<Writable, Readable, Readable>;

// Several starts of Node in one test; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let world: Enrolled;
const children = new Set<Child>();
beforeEach(async () => {
  world = await openEnrolledWorld();
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  children.clear();
  await world[Symbol.asyncDispose]();
});

function start(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const child = spawn(LAUNCHER, argv, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } });
  children.add(child);
  return child;
}

async function outputOf(argv: readonly string[], input = '', env: NodeJS.ProcessEnv = {}) {
  const child = start(argv, env);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => undefined); // It may have ended before it read.
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** The agent that runs, once it is in a session. */
async function running(env: NodeJS.ProcessEnv = {}): Promise<Child & { pid: number }> {
  await world.join();
  const child = start(['run', '--state', world.directory, '--policy', world.policyFile], env);
  await eventually(() => world.gateway.frames.some(({ type }) => type === 'health'));
  if (child.pid === undefined) throw new Error('it did not start');
  return Object.assign(child, { pid: child.pid });
}

/** Resolves when the agent has answered: its event loop has turned since. */
async function answered(): Promise<void> {
  const before = world.gateway.frames.length;
  for (const socket of world.gateway.sockets) socket.send(encodeFrame({ type: 'health-request' }));
  await eventually(() => world.gateway.frames.length > before);
}

describe('the running agent listens to nobody', () => {
  test('the test would see it: Node opens its inspector when told to', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-inspector-'));
    const args = ['--inspect-port=0', '-e', 'process.stdout.write("up"); setInterval(() => undefined, 1000);'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: directory });
    children.add(child);
    await once(child.stdout, 'data');
    child.kill('SIGUSR1');
    const { pid = 0 } = child;
    expect(await eventually(() => listening(pid)[0])).toContain('0100007F');
    rmSync(directory, { recursive: true });
  });

  test.each([
    ['as it is started', {}],
    ['with a debugger asked for in the environment', { NODE_OPTIONS: '--inspect=127.0.0.1:0' }],
  ])('%s, also after SIGUSR1', async (_how, env) => {
    const agent = await running(env);
    expect(listening(agent.pid)).toEqual([]);
    for (let turn = 0; turn < 5; turn += 1) {
      agent.kill('SIGUSR1');
      await answered();
      expect(listening(agent.pid)).toEqual([]);
    }
  });

  test('nor does the helper that stands by to prove a password', async () => {
    const agent = await running();
    const children = () =>
      readFileSync(`/proc/${String(agent.pid)}/task/${String(agent.pid)}/children`, 'latin1')
        .split(' ')
        .filter(Boolean);
    const helper = await eventually(() => children().map(Number)[0]);
    const isReady = () => readFileSync(`/proc/${String(helper)}/maps`, 'latin1').includes('koffi');
    await eventually(isReady);
    // It waits inside the kernel and could open one only later, with the password in hand: so what is asked is whether
    // the runtime's handler is there at all.
    const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${String(helper)}/status`, 'latin1'))?.[1];
    expect(BigInt(`0x${caught ?? ''}`) & SIGUSR1_BIT).toBe(0n);
  });
});

describe('the running agent', () => {
  test('writes no core file, and says nothing secret in its arguments', async () => {
    const { pid } = await running();
    const limits = readFileSync(`/proc/${String(pid)}/limits`, 'latin1');
    expect(limits).toMatch(/^Max core file size\s+0\s+0\s/m);
    expect(readFileSync(`/proc/${String(pid)}/cmdline`, 'latin1')).not.toContain('lkj_');
  });

  test('says goodbye when it is told to end, and ends with 0', async () => {
    const agent = await running();
    agent.kill('SIGTERM');
    const [code] = (await once(agent, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(world.gateway.frames.at(-1)).toEqual({ type: 'goodbye', reason: 'agent-stopping' });
    expect(existsSync(join(world.directory, 'agent.lock'))).toBe(false);
  });

  test('that was killed is followed by another, which takes its place', async () => {
    const first = await running();
    first.kill('SIGKILL');
    await once(first, 'exit');
    const before = world.gateway.frames.length;
    start(['run', '--state', world.directory, '--policy', world.policyFile]);
    await eventually(() => world.gateway.frames.slice(before).some(({ type }) => type === 'health'));
    expect((await outputOf(['status', '--state', world.directory])).out).toContain('agent       connected since');
  });
});

describe('the command line', () => {
  test('enrols with the token on standard input, and shows where to', async () => {
    const token = world.gateway.joinToken();
    const argv = ['enroll', '--url', world.gateway.url, '--name', 'web-1', '--state', world.directory];
    const { code, out, err } = await outputOf(argv, `${token}\n`);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^Enrolled as web-1 \([0-9a-f-]{36}\), project default\.\nFingerprint: SHA256:\S{43}\n\nNext:\n.* latchkey-agent run --state /m,
    );
    expect(await outputOf(argv, `${token}\n`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^latchkey-agent: already-enrolled: .* Run "latchkey-agent status"/) as string,
    });
  });

  test.each<[string[], number, RegExp]>([
    [[], 2, /usage: No verb was given\. See/],
    [['enrol'], 2, /usage: There is no such verb\./],
    [['enroll', 'lkj_secret'], 2, /usage: "enroll" takes no arguments .* standard input/],
    [['enroll'], 2, /usage: "enroll" needs --url URL\./],
    [['run', '--json'], 2, /usage: "run" takes no --json\./],
    [['run', '--verbose'], 2, /usage: Unknown option '--verbose'/],
    [['uninstall'], 2, /not-confirmed: Nothing was removed\./],
    [['status', '--state', '/nonexistent/latchkey'], 1, /not-enrolled: .* Run "latchkey-agent enroll/],
  ])('%j ends with %i and says why', async (argv, code, message) => {
    const said = await outputOf(argv);
    expect([said.code, said.out]).toEqual([code, '']);
    expect(said.err).toMatch(message);
    expect(said.err).not.toContain('lkj_secret');
    expect(said.err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('explains itself', async () => {
    const { code, out } = await outputOf(['--help']);
    expect(code).toBe(0);
    for (const word of ['enroll', 'run', 'status', 'check', 'uninstall', 'HTTPS_PROXY', 'Exit codes']) {
      expect(out).toContain(word);
    }
  });
});
