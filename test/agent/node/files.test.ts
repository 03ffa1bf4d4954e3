import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { holderOf, lockDirectory } from '../../../agent/node/instance-lock.ts';
import { createLog } from '../../../agent/node/log.ts';
import { readPolicyFile } from '../../../agent/node/policy-file.ts';
import { makeStateDirectory, whyNotState, whyUnsafeDirectory } from '../../../agent/node/state-directory.ts';
import { readStatusFile, writeStatusFile } from '../../../agent/node/status-file.ts';
import { createDirectoryStorage, removeLeftovers, type DirectoryStorage } from '../../../agent/node/storage.ts';

const isRoot = process.geteuid?.() === 0;
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
let directory: string;
let storage: DirectoryStorage;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-agent-')));
  storage = createDirectoryStorage(directory);
});
afterEach(async () => {
  await storage.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Without the room behind it. */
const written = (name: string) => readFileSync(join(directory, name), 'utf8').replace(/\0+$/, '');

describe('the files of the state directory', () => {
  test('are for their owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await storage.replace('a', Buffer.from('1'));
      await storage.append('b', Buffer.from('2'));
    } finally {
      process.umask(before);
    }
    expect([modeOf(join(directory, 'a')), modeOf(join(directory, 'b'))]).toEqual(['600', '600']);
  });

  test('have room for what is appended, so that they do not grow with each record', async () => {
    const length = () => statSync(join(directory, 'j')).size;
    await storage.append('j', Buffer.from('one '));
    const before = length();
    await storage.append('j', Buffer.from('two '));
    expect(length()).toBe(before);
    await storage.append('j', Buffer.alloc(before, 'x'));
    expect(length()).toBeGreaterThan(before + 'one two '.length);
    expect(written('j')).toBe(`one two ${'x'.repeat(before)}`);
  });

  test('are gone on with where they ended by whoever opens them next', async () => {
    await storage.append('j', Buffer.from('one '));
    await storage.close();
    const next = createDirectoryStorage(directory);
    await next.append('j', Buffer.from('two'));
    await next.close();
    expect(written('j')).toBe('one two');
  });

  test('are replaced whole, appended in order, and gone when removed', async () => {
    await storage.append('j', Buffer.from('one '));
    await storage.append('j', Buffer.from('two '));
    await storage.replace('j', Buffer.from('new '));
    await storage.append('j', Buffer.from('three'));
    expect(written('j')).toBe('new three');
    await storage.remove('j');
    await storage.remove('j');
    expect([await storage.read('j'), await storage.list()]).toEqual([null, []]);
  });

  test('that cannot be replaced stay as they are, and leave nothing half written', async () => {
    mkdirSync(join(directory, 'taken'));
    await expect(storage.replace('taken', Buffer.from('x'))).rejects.toThrow(/EISDIR|EEXIST|ENOTEMPTY/);
    expect(readdirSync(directory)).toEqual(['taken']);
  });

  test('are not written through a link', async () => {
    const elsewhere = join(directory, 'elsewhere');
    writeFileSync(elsewhere, 'before');
    symlinkSync(elsewhere, join(directory, 'j'));
    await expect(storage.append('j', Buffer.from('x'))).rejects.toThrow(/ELOOP/);
    await storage.replace('j', Buffer.from('mine')); // Takes the link's place.
    expect(readFileSync(elsewhere, 'utf8')).toBe('before');
  });

  test('that a crash left half written are not listed, and go at the next start', async () => {
    writeFileSync(join(directory, '.tmp-0123'), 'half');
    await storage.replace('whole', Buffer.from('x'));
    expect(await storage.list()).toEqual(['whole']);
    await removeLeftovers(directory);
    expect(readdirSync(directory)).toEqual(['whole']);
  });

  test('of the status are whole or not there', () => {
    expect(readStatusFile(directory)).toBeNull();
    const status = { state: 'connected', since: 1, lastLoss: null, components: {}, unacknowledgedResults: 0 } as const;
    writeStatusFile(directory, status);
    expect([readStatusFile(directory), modeOf(join(directory, 'status.json'))]).toEqual([status, '600']);
    writeFileSync(join(directory, 'status.json'), '{"state":"\u001b[31m"}');
    expect(readStatusFile(directory)).toBeNull();
    rmSync(directory, { recursive: true });
    expect(() => writeStatusFile(directory, status)).not.toThrow();
  });
});

describe('a state directory', () => {
  test('is made for its owner alone, also when it was open before', () => {
    const fresh = join(directory, 'a', 'b');
    expect([makeStateDirectory(fresh), modeOf(fresh)]).toEqual([null, '700']);
    chmodSync(fresh, 0o755);
    expect([makeStateDirectory(fresh), modeOf(fresh)]).toEqual([null, '700']);
  });

  test('with other things in it is left alone', () => {
    writeFileSync(join(directory, 'passwd'), '');
    chmodSync(directory, 0o755);
    expect(makeStateDirectory(directory)).toMatchObject({ code: 'state-directory-foreign' });
    expect(modeOf(directory)).toBe('755');
  });

  test('of an agent is known by its files', () => {
    for (const name of ['config.json', 'identity.key', 'journal', 'sealing-12.key', 'agent.lock', '.tmp-ab'])
      writeFileSync(join(directory, name), '');
    for (const name of ['scripts', 'compiled']) mkdirSync(join(directory, name));
    expect(whyNotState(directory)).toBeNull();
  });

  test.each([0o770, 0o707, 0o1777])('that others can write to is unsafe: %o', (mode) => {
    chmodSync(directory, mode);
    expect(whyUnsafeDirectory(directory)).toMatchObject({ code: 'state-directory-unsafe' });
  });

  test('below one that others can write to is unsafe, below a sticky one not', () => {
    const inner = join(directory, 'inner');
    mkdirSync(inner, { mode: 0o700 });
    chmodSync(directory, 0o777);
    expect(whyUnsafeDirectory(inner)?.what).toContain(`${directory} can be written`);
    chmodSync(directory, 0o1777);
    expect(whyUnsafeDirectory(inner)).toBeNull();
  });

  test('that is a file is none', () => {
    writeFileSync(join(directory, 'file'), '');
    expect(whyUnsafeDirectory(join(directory, 'file'))?.what).toContain('is not a directory');
  });

  test.runIf(isRoot)('that a user made first, or leads to by a link of his, is unsafe', () => {
    const [theirs, mine] = [join(directory, 'theirs'), join(directory, 'mine')];
    for (const path of [theirs, mine]) mkdirSync(path, { mode: 0o700 });
    chownSync(theirs, 65534, 65534);
    expect(whyUnsafeDirectory(theirs)?.what).toContain('does not belong to root');
    symlinkSync(mine, join(theirs, 'link'));
    expect(whyUnsafeDirectory(join(theirs, 'link'))?.what).toContain('theirs does not belong to root');
    symlinkSync(mine, join(directory, 'our-link'));
    expect(whyUnsafeDirectory(join(directory, 'our-link'))).toBeNull();
  });
});

describe('the lock of a state directory', () => {
  test('is held once, and free afterwards', () => {
    const first = lockDirectory(directory);
    expect(lockDirectory(directory)).toMatchObject({ ok: false, holder: { pid: process.pid } });
    expect(holderOf(directory)).toMatchObject({ pid: process.pid });
    if (first.ok) first.release();
    expect([holderOf(directory), readdirSync(directory)]).toEqual([null, []]);
  });

  test('of a process that is gone is taken over, and of one that lives is not', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const stat = readFileSync(`/proc/${String(child.pid)}/stat`, 'latin1');
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(join(directory, 'agent.lock'), JSON.stringify({ pid: child.pid, startTicks }));
    expect(lockDirectory(directory)).toMatchObject({ ok: false, holder: { pid: child.pid } });
    child.kill();
    await once(child, 'exit');
    expect(lockDirectory(directory).ok).toBe(true);
    expect(readdirSync(directory)).toEqual(['agent.lock']);
  });

  test.each([
    [
      'of a process with the same id that started at another time',
      JSON.stringify({ pid: process.pid, startTicks: '1' }),
    ],
    ['that is empty', ''],
    ['that is no lock', '{"pid":"1"}'],
  ])('%s is nobody’s', (_how, text) => {
    writeFileSync(join(directory, 'agent.lock'), text);
    expect(holderOf(directory)).toBeNull();
    expect(lockDirectory(directory).ok).toBe(true);
  });

  test('goes to one of many who ask at once for a stale one', async () => {
    writeFileSync(join(directory, 'agent.lock'), JSON.stringify({ pid: 999_999_999, startTicks: '1' }));
    const module = new URL('../../../agent/node/instance-lock.ts', import.meta.url).href;
    const code = `const { lockDirectory } = await import(${JSON.stringify(module)});
      process.stdout.write(lockDirectory(process.argv[1]).ok ? 'mine' : 'no');
      process.stdin.resume();`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', code, directory]),
    );
    const answers = await Promise.all(children.map(async ({ stdout }) => String((await once(stdout, 'data'))[0])));
    for (const child of children) child.kill();
    expect(answers.toSorted()).toEqual(['mine', 'no', 'no', 'no']);
  });
});

describe('the policy file', () => {
  const write = (text: string, mode = 0o644) => {
    const path = join(directory, 'policy.json');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  test('that is not there narrows nothing', () => {
    const open = { accounts: null, resetsPerHour: null, terminal: true };
    expect(readPolicyFile(join(directory, 'none.json'))).toEqual({ ok: true, policy: open });
    expect(readPolicyFile(write('{}'))).toEqual({ ok: true, policy: open });
  });
  test('says what it says', () => {
    const policy = { accounts: ['alice'], resetsPerHour: 3, terminal: false };
    expect(readPolicyFile(write(JSON.stringify(policy)))).toEqual({ ok: true, policy });
  });
  test.each([
    ['{', 'is not JSON'],
    ['{"acounts":[]}', 'acounts'],
    ['{"accounts":["a b"]}', 'accounts.0'],
    ['{"resetsPerHour":-1}', 'resetsPerHour'],
    [' '.repeat(64 * 1024 + 1), '64 KiB'],
  ])('that cannot be understood allows nothing, and says where: %.30s', (text, where) => {
    const reading = readPolicyFile(write(text));
    expect(reading.ok ? '' : reading.problem).toContain(where);
  });
  test('that others can write to, or put in its place, allows nothing', () => {
    expect(readPolicyFile(write('{}', 0o664))).toMatchObject({ ok: false });
    const path = write('{}');
    chmodSync(directory, 0o777);
    expect(readPolicyFile(path)).toMatchObject({ ok: false });
  });
  test('that is not there where others could have taken it away allows nothing', () => {
    const inner = join(directory, 'inner');
    mkdirSync(inner, { mode: 0o755 });
    expect(readPolicyFile(join(inner, 'policy.json'))).toMatchObject({ ok: true });
    for (const changeable of [inner, directory]) {
      chmodSync(changeable, 0o777);
      expect(readPolicyFile(join(inner, 'policy.json'))).toMatchObject({ ok: false });
      chmodSync(changeable, 0o755);
    }
  });
  test('is not read through a link', () => {
    symlinkSync(write('{}'), join(directory, 'link.json'));
    expect(readPolicyFile(join(directory, 'link.json'))).toMatchObject({ ok: false });
  });
});

test('a log keeps what looks like a secret to itself, and cleans what peers said', () => {
  const lines: string[] = [];
  const log = createLog(
    () => 0,
    (line) => lines.push(line),
  );
  log.warn({ newPassword: 'p', joinToken: 't', detail: 'a\u001b[2Jb\nc' }, 'said');
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    ...{ time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'said' },
    ...{ newPassword: '[secret]', joinToken: '[secret]', detail: 'a\ufffd[2Jb\ufffdc' },
  });
});
