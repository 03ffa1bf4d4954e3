import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn as spawnOnTerminal } from 'node-pty';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listen } from '../../support/fake-control-plane-wire.ts';
import { FAKE_TOKEN, FakeControlPlane } from '../../support/fake-control-plane.ts';

const MAIN = fileURLToPath(new URL('../../../control-plane/main.ts', import.meta.url));
const ARGV = ['--disable-warning=ExperimentalWarning', MAIN];
const CANARY = 'Canary-4d81e0b7';

let plane: FakeControlPlane;
let server: Awaited<ReturnType<typeof listen>>;
let home: string;
let env: Record<string, string>;

beforeEach(async () => {
  plane = new FakeControlPlane();
  server = await listen(plane);
  home = await mkdtemp(join(tmpdir(), 'latchkey-home-'));
  await writeFile(join(home, 'ca.pem'), server.ca);
  env = { PATH: process.env['PATH'] ?? '', HOME: home, TERM: 'xterm', ...connection() };
});
afterEach(async () => {
  await server.close();
  await rm(home, { recursive: true });
});

const connection = () => ({
  LATCHKEY_URL: server.url,
  LATCHKEY_TOKEN: FAKE_TOKEN,
  LATCHKEY_CA: join(home, 'ca.pem'),
});

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program with pipes; `onError` sees standard error grow. */
function run(argv: readonly string[], input = '', onError?: (text: string, kill: () => void) => void): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...ARGV, ...argv], { env, stdio: 'pipe' });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => {
      err += data.toString();
      onError?.(err, () => child.kill('SIGINT'));
    });
    child.stdin.end(input);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** Runs the program on a real terminal and types an answer whenever its prompt appears. */
function runOnTerminal(argv: readonly string[], answers: readonly (readonly [prompt: string, keys: string])[]) {
  return new Promise<{ code: number; screen: string }>((resolve) => {
    const terminal = spawnOnTerminal(process.execPath, [...ARGV, ...argv], { env, cols: 100, rows: 30 });
    let screen = '';
    let answered = 0;
    terminal.onData((data) => {
      screen += data;
      const next = answers[answered];
      if (next !== undefined && screen.includes(next[0])) {
        answered += 1;
        terminal.write(next[1]);
      }
    });
    terminal.onExit(({ exitCode }) => resolve({ code: exitCode, screen }));
  });
}

/** Everything that a run left in the home directory. */
async function filesLeft(): Promise<string> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map(async (path) => `${path}\n${await readFile(path, 'utf8')}`))).join('\n');
}

test('says its version, and leaves that flag to verbs that have it', async () => {
  const manifest = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as object;
  const { code, out } = await run(['--version']);
  expect([{ version: out.trim() }, code]).toMatchObject([
    { version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string },
    0,
  ]);
  expect(manifest).toMatchObject({ version: out.trim() });
  expect((await run(['agents', 'install-command', '--version', 'x'])).err).toContain('--version');
});

describe('over TLS', () => {
  test('a reset is carried out, and its password is nowhere afterwards', async () => {
    const web = await plane.add('web-1');
    const { code, out, err } = await run(['reset', 'web-1', '--password-stdin'], `${CANARY}\n`);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(web.passwords.get('root')).toBe(CANARY);
    expect(out + err).not.toContain('\u001b');
    expect(out + err + (await filesLeft()) + JSON.stringify(plane.requests)).not.toContain(CANARY);
    const pins = join(home, '.local/state/latchkey/known_instances');
    expect((await stat(pins)).mode & 0o777).toBe(0o600);
  });

  test('a certificate of an unknown authority is refused, and no variable turns that off', async () => {
    delete env['LATCHKEY_CA'];
    env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const { code, out } = await run(['whoami', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'control-plane-untrusted' } });
    expect(plane.requests).toEqual([]);
  });

  test('a certificate for another host is refused', async () => {
    env['LATCHKEY_URL'] = server.url.replace('127.0.0.1', 'localhost');
    expect((await run(['whoami'])).err).toContain('[control-plane-untrusted]');
  });

  test('what does not listen is said, with what to do', async () => {
    await server.close();
    const { code, err } = await run(['whoami']);
    expect(code).toBe(2);
    expect(err).toContain('nothing listens there (ECONNREFUSED)');
    expect(err).toContain('Check the URL');
    server = await listen(plane);
  });

  test('Ctrl-C detaches', async () => {
    await plane.add('web-1', { behaviour: { kind: 'hangs' } });
    const { code, out, err } = await run(['reset', 'web-1', '--generate'], '', (text, kill) => {
      if (text.includes('1 pending') && !text.includes('Detached')) kill();
    });
    expect(code).toBe(1);
    expect(err).toMatch(/latchkey resets watch [0-9a-f-]{36}/);
    expect(out).toContain(plane.instances[0]?.passwords.get('root'));
  });
});

describe('a proxy', () => {
  let proxy: Server;
  let tunnels: string[];
  beforeEach(async () => {
    tunnels = [];
    proxy = createServer().on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      const { port } = new URL(server.url);
      const onward = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    env['HTTPS_PROXY'] = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
  });
  afterEach(() => proxy.close());

  test('is used, and the control plane behind it is verified all the same', async () => {
    expect((await run(['instances', 'list'])).code).toBe(0);
    expect(tunnels).toEqual([new URL(server.url).host]);
    delete env['LATCHKEY_CA'];
    expect((await run(['instances', 'list'])).err).toContain('[control-plane-untrusted]');
  });

  test('is passed by where NO_PROXY says so', async () => {
    env['NO_PROXY'] = '127.0.0.1';
    expect((await run(['instances', 'list'])).code).toBe(0);
    expect(tunnels).toEqual([]);
  });
});

describe('on a terminal', () => {
  const [FIRST, SECOND] = ['New password for root on web-1: ', 'The same again: '];

  test('nothing that is typed is shown; backspace, Ctrl-U and arrow keys work', async () => {
    const web = await plane.add('web-1');
    const keys = `wrong\u0015${CANARY}\u001b[Dx\u007f\r`;
    const { code, screen } = await runOnTerminal(
      ['reset', 'web-1'],
      [
        [FIRST, keys],
        [SECOND, `${CANARY}\r`],
      ],
    );
    expect(screen).toContain('1 of 1 succeeded');
    expect(code).toBe(0);
    expect(web.passwords.get('root')).toBe(CANARY);
    const shown = screen.slice(screen.indexOf(FIRST) + FIRST.length, screen.indexOf(SECOND));
    expect(shown.trim()).toBe('');
    for (let at = 0; at + 4 <= CANARY.length; at += 1) expect(screen).not.toContain(CANARY.slice(at, at + 4));
    expect(await filesLeft()).not.toContain(CANARY);
  });

  test('both lines may be pasted at once', async () => {
    const web = await plane.add('web-1');
    const paste = `\u001b[200~${CANARY}\u001b[201~\r${CANARY}\r`;
    expect(await runOnTerminal(['reset', 'web-1'], [[FIRST, paste]])).toMatchObject({ code: 0 });
    expect(web.passwords.get('root')).toBe(CANARY);
  });

  test('Ctrl-C at the prompt ends it with nothing sent', async () => {
    await plane.add('web-1');
    const { code, screen } = await runOnTerminal(['reset', 'web-1'], [[FIRST, 'half\u0003']]);
    expect(code).toBe(2);
    expect(screen).toContain('[not-confirmed]');
    expect(screen).not.toContain('half');
    expect(plane.chunks).toEqual([]);
  });

  test('the line of progress is redrawn and taken away; a hostile name moves no cursor', async () => {
    await plane.add('web-1');
    plane.tamper.task = (task) => ({ ...task, instance: '\u001b[2J\u009b5Aweb' });
    const { screen } = await runOnTerminal(
      ['reset', 'web-1'],
      [
        [FIRST, `${CANARY}\r`],
        [SECOND, `${CANARY}\r`],
      ],
    );
    expect(screen).toContain('\r\u001b[2K');
    expect(screen).not.toContain('\u009b');
    expect(screen.replaceAll('\u001b[2K', '')).not.toContain('\u001b');
  });
});
