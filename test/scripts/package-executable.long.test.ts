import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeFrame } from '#protocol';
import { frameRequest } from '../../agent/linux/helper-request.ts';
import { AGENT_VERSION } from '../../agent/version.ts';
import { buildPackage, TOP, type Built } from '../../scripts/package/build.ts';
import { openEnrolledWorld, type Enrolled } from '../agent/support/enrolled.ts';
import { eventually } from '../agent/support/fake-wire.ts';
import { listening } from '../support/listening.ts';

/** The executable itself, built once a run and used the way it is shipped. */
const run = promisify(execFile);
/** glibc of the oldest system that agent/README.md names. */
const GLIBC_MAX = 2.28;
type Child = ChildProcessByStdio<Writable, Readable, Readable> & { readonly pid: number };

let top: string;
let built: Built;
let directory: string;
let executable: string;
const children = new Set<Child>();

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'latchkey-executable-'));
  built = await buildPackage();
  directory = await unpack(built.archive);
  executable = join(directory, 'latchkey-agent');
}, 300_000);

afterAll(async () => {
  await rm(top, { recursive: true });
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  children.clear();
});

async function unpack(archive: string): Promise<string> {
  const into = await mkdtemp(join(top, 'unpacked-'));
  await run('tar', ['-xzf', archive, '-C', into, '--strip-components=1', '--no-same-owner']);
  return into;
}

function start(argv: readonly string[], env: NodeJS.ProcessEnv = {}, file = executable): Child {
  const child = spawn(file, argv, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } });
  if (child.pid === undefined) throw new Error(`${file} did not start`);
  const started = Object.assign(child, { pid: child.pid });
  children.add(started);
  return started;
}

async function outputOf(argv: readonly string[], env: NodeJS.ProcessEnv = {}, file = executable) {
  const child = start(argv, env, file);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.end();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

describe('the archive', () => {
  test('is the same bytes when it is built again, somewhere else', async () => {
    const elsewhere = await mkdtemp(join(top, 'second build '));
    const second = await buildPackage(elsewhere);
    expect(second.fresh).toBe(true);
    expect(second.statement).toEqual(built.statement);
    // Nothing but the archive and what says what it is.
    expect((await readdir(elsewhere)).filter((name) => !name.startsWith('latchkey-agent-'))).toEqual([]);
  });

  test('holds the agent, its addon, its unit and the licences', async () => {
    expect((await readdir(directory)).toSorted()).toEqual([
      'LICENSE',
      'THIRD-PARTY-LICENSES',
      'koffi.node',
      'latchkey-agent',
      'latchkey-agent.service',
    ]);
    const licences = await readFile(join(directory, 'THIRD-PARTY-LICENSES'), 'utf8');
    for (const name of ['@hpke/core', 'koffi', 'node-linux-', 'ws', 'zod']) {
      expect(licences).toMatch(new RegExp(`^  ${name}\\S* \\d+\\.\\d+\\.\\d+ \\((MIT|Apache-2\\.0)\\)$`, 'm'));
    }
  });

  test('names no place of the machine that built it', async () => {
    const content = await readFile(executable);
    for (const place of [TOP.replace(/\/$/, ''), process.cwd(), '.cache/package', 'pkg-sea-']) {
      expect(content.includes(place)).toBe(false);
    }
    // The test would see it: what the bundle was made of is in there.
    expect(content.includes('control-plane-unreachable')).toBe(true);
  });

  test('needs no newer glibc than the agent says, and no library that is not everywhere', async () => {
    for (const file of [executable, join(directory, 'koffi.node')]) {
      const { stdout: versions } = await run('readelf', ['--version-info', '--wide', file]);
      const newest = Math.max(...[...versions.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor)));
      expect(newest).toBeGreaterThan(0);
      expect(newest).toBeLessThanOrEqual(Math.round((GLIBC_MAX - 2) * 100));
      const { stdout: dynamic } = await run('readelf', ['--dynamic', '--wide', file]);
      const needed = [...dynamic.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name);
      expect(needed.filter((name) => !/^(lib(c|m|dl|pthread|gcc_s|stdc\+\+)|ld-linux-[\w-]+)\.so/.test(name!))).toEqual(
        [],
      );
    }
  });

  test('was stripped, of Node only: what was put into it is still there', async () => {
    const { stdout } = await run('readelf', ['--sections', '--wide', executable]);
    expect(stdout).not.toMatch(/\.symtab|\.debug_info/);
    expect(await outputOf(['--version'])).toEqual({ code: 0, out: `${AGENT_VERSION}\n`, err: '' });
  });
});

describe('the executable', () => {
  test('takes the command line that the agent takes', async () => {
    expect(await outputOf(['run', '--verbose'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^latchkey-agent: usage: Unknown option '--verbose'.*\n$/) as string,
    });
    const help = await outputOf(['--help']);
    for (const verb of ['enroll', 'run', 'status', 'check', 'uninstall']) expect(help.out).toContain(verb);
    // An option of the runtime is no option of the agent.
    expect((await outputOf(['--node-options=--inspect', '--version'])).code).toBe(2);
  });

  test('may be linked to from elsewhere', async () => {
    const link = join(top, 'linked');
    await symlink(executable, link);
    expect(await proof(link)).toEqual({ code: 0, err: '', hash: 'match' });
  });

  test('does not load what the environment tells Node to', async () => {
    const marker = join(top, 'loaded');
    const script = join(top, 'load.cjs');
    await writeFile(script, `require('node:fs').writeFileSync(${JSON.stringify(marker)}, '')`);
    const env = { NODE_OPTIONS: `--require ${script}` };
    expect((await outputOf(['--version'], env)).out).toBe(`${AGENT_VERSION}\n`);
    await expect(readFile(marker)).rejects.toThrow(/ENOENT/);
    // The test would see it.
    await run(process.execPath, ['--version'], { env });
    await run(process.execPath, ['-e', ''], { env });
    expect(await readFile(marker, 'utf8')).toBe('');
  });
});

/** `Hello world!` by SHA-256, as crypt(3) makes it. */
const HASH = '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5';

/** Asks the helper about a hash, which takes the addon and libcrypt, and no account. */
async function proof(file: string, password = 'Hello world!') {
  const child = spawn(file, ['verify-helper'], { stdio: ['pipe', 'ignore', 'pipe', 'pipe'], env: {} });
  // All of these are pipes, as asked for above; the types cannot tell.
  const [stdin, , stderr, answer] = child.stdio as unknown as [Writable, null, Readable, Readable];
  stdin.on('error', () => undefined); // It may have refused to start.
  const request = frameRequest({ account: 'nobody', authenticate: false, hash: HASH }, Buffer.from(password));
  stdin.end(Buffer.concat([Buffer.from('b'), request]));
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [[code], evidence, err] = await Promise.all([ended, text(answer), text(stderr)]);
  return { code, err, hash: /"hash":"([^"]*)"/.exec(evidence)?.[1] };
}

describe('the addon', () => {
  test('is loaded from beside the executable, and lets it ask the system', async () => {
    expect(await proof(executable)).toEqual({ code: 0, err: '', hash: 'match' });
    expect(await proof(executable, 'Hello world')).toEqual({ code: 0, err: '', hash: 'mismatch' });
  });

  test.each<[string, (addon: string) => Promise<void>, RegExp]>([
    ['has another content', (addon) => appendFile(addon, 'x'), /is not the one that belongs to this executable/],
    ['may be written by others', (addon) => chmod(addon, 0o666), /others may write to/],
    [
      'belongs to somebody else',
      (addon) => run('chown', ['65534', addon]).then(() => undefined),
      /belongs to user 65534/,
    ],
    ['is not there', (addon) => rm(addon), /ENOENT/],
    [
      'is a link to somewhere else',
      async (addon) => {
        await copyFile(addon, `${addon}.elsewhere`);
        await rm(addon);
        await symlink(`${addon}.elsewhere`, addon);
      },
      /ELOOP/,
    ],
  ])('that %s is not loaded', async (_which, change, why) => {
    const copy = await unpack(built.archive);
    await change(join(copy, 'koffi.node'));
    const { code, err } = await proof(join(copy, 'latchkey-agent'));
    expect(code).toBe(1);
    expect(err).toMatch(why);
  });

  test('is not loaded from where a cache of addons could be', async () => {
    const home = await mkdtemp(join(top, 'home-'));
    const { code } = await outputOf(['--version'], { HOME: home, PKG_CACHE_PATH: home });
    expect([code, await readdir(home)]).toEqual([0, []]);
  });
});

describe('the agent that runs from the executable', () => {
  let world: Enrolled;
  beforeAll(async () => {
    world = await openEnrolledWorld();
    await world.join();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  async function running(env: NodeJS.ProcessEnv = {}): Promise<Child> {
    const before = world.gateway.frames.length;
    const agent = start(['run', '--state', world.directory, '--policy', world.policyFile], env);
    await eventually(() => world.gateway.frames.slice(before).some(({ type }) => type === 'health'));
    return agent;
  }

  async function answered(): Promise<void> {
    const before = world.gateway.frames.length;
    for (const socket of world.gateway.sockets) socket.send(encodeFrame({ type: 'health-request' }));
    await eventually(() => world.gateway.frames.length > before);
  }

  test.each([
    ['as it is started', {}],
    ['with a debugger asked for in the environment', { NODE_OPTIONS: '--inspect=127.0.0.1:0' }],
  ])('listens to nobody %s, also after SIGUSR1', async (_how, env) => {
    const agent = await running(env);
    expect(listening(agent.pid)).toEqual([]);
    for (let turn = 0; turn < 3; turn += 1) {
      agent.kill('SIGUSR1');
      await answered();
      expect(listening(agent.pid)).toEqual([]);
    }
    agent.kill('SIGTERM');
    expect(await once(agent, 'exit')).toEqual([0, null]);
  });

  test('leaves none of its memory to a core dump, nor does its helper, which is the same executable', async () => {
    const agent = await running();
    const started = `/proc/${String(agent.pid)}/task/${String(agent.pid)}/children`;
    const helper = await eventually(() => readFileSync(started, 'latin1').split(' ').find(Boolean));
    // Until then it is still the agent, about to become the helper.
    await eventually(() =>
      readFileSync(`/proc/${helper}/cmdline`, 'utf8').startsWith(`${executable}\0verify-helper\0`),
    );
    for (const pid of [String(agent.pid), helper]) {
      expect(await readFile(`/proc/${pid}/coredump_filter`, 'latin1')).toBe('00000000\n');
    }
    // The test would see it: this process has what the kernel gives everyone.
    expect(await readFile('/proc/self/coredump_filter', 'latin1')).not.toBe('00000000\n');
  });
});
