import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LockHolder } from '../../../agent/linux/database-lock.ts';
import { createScriptRunner } from '../../../agent/linux/script-runner.ts';
import type { ScriptRequest } from '../../../agent/linux/script-runner.ts';
import { createScriptStore } from '../../../agent/linux/script-store.ts';
import { createStandby, refillAfterMs } from '../../../agent/linux/standby.ts';
import { descendants, processes } from '../../support/hosts/process-table.ts';
import { until } from '../../support/hosts/until.ts';

const DEADLINE_MS = 8_000;
const PASSWORD = "p'$(id) \\n-x";

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function open(standby: boolean, lockFile: () => LockHolder | null = () => null) {
  const directory = temporary();
  const runner = createScriptRunner({
    store: createScriptStore(directory),
    locks: { lockFile, holder: () => null },
    sleep: () => Promise.resolve(),
    random: () => 0.5,
    monotonicMs: () => performance.now(),
    standby,
  });
  onTestFinished(() => runner.close());
  return { runner, directory };
}

function requestOf(script: string, more: Partial<ScriptRequest> = {}): ScriptRequest {
  const bytes = Buffer.from(script);
  const options = { unlock: true, unexpire: false, mustChange: true };
  const digest = createHash('sha256').update(bytes).digest('hex');
  const how = { phase: 'apply', lockMarks: '!', ahead: false } as const;
  return { bytes, digest, accountName: 'alice', options, ...how, ...more };
}

const shells = () => descendants(process.pid).filter(({ command }) => command === 'sh');
const said = (text: string) => `printf 'latchkey-result code=applied warnings= detail=%s\\n' "${text}"\n`;

describe.each([
  ['started for the run', false],
  ['that stood by', true],
])('a shell %s', (_, standby) => {
  test('has the variables of the run in its environment, and nothing else of ours', async () => {
    const { runner } = open(standby);
    const seen = join(temporary(), 'seen');
    const outcome = await runner
      .prepare(requestOf(`env >'${seen}'; pwd >>'${seen}'\n${said('done')}`))
      .run(Buffer.from(PASSWORD));
    expect(outcome).toMatchObject({ kind: 'done', code: 'applied', detail: 'done' });
    // What the shell itself sets is its own affair.
    const lines = readFileSync(seen, 'utf8')
      .trimEnd()
      .split('\n')
      .filter((line) => !/^(?:_|PWD|OLDPWD|SHLVL)=/.test(line));
    const variables = [
      'LK_ACCOUNT=alice',
      'LK_PHASE=apply',
      'LK_UNLOCK=1',
      'LK_UNEXPIRE=0',
      'LK_MUST_CHANGE=1',
      'LK_LOCK=!',
      'LK_AHEAD=0',
    ];
    const expected = ['/', 'LC_ALL=C', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...variables];
    expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  test('hands the password to descriptor 3 byte for byte, and nothing to standard input', async () => {
    const { runner } = open(standby);
    const directory = temporary();
    const script = `cat <&3 >'${directory}/secret'; cat >'${directory}/input'\n${said('done')}`;
    expect(await runner.prepare(requestOf(script)).run(Buffer.from(PASSWORD))).toMatchObject({ code: 'applied' });
    expect(readFileSync(join(directory, 'secret'), 'utf8')).toBe(`alice:${PASSWORD}\n`);
    expect(readFileSync(join(directory, 'input'), 'utf8')).toBe('');
  });

  test.each([' $(exit 9) ', "';exit 9;'", '\\', '-n', '`exit 9`'])(
    'takes %j for a name, not for code',
    async (name) => {
      const { runner } = open(standby);
      const request = requestOf(said('<$LK_ACCOUNT>'), { accountName: name });
      expect(await runner.prepare(request).run(Buffer.from(PASSWORD))).toMatchObject({
        code: 'applied',
        detail: `<${name}>`,
      });
    },
  );

  test('gives the exit status and the errors of the script, not its own', async () => {
    const { runner } = open(standby);
    const failing = requestOf('echo why >&2; exit 3\n');
    expect(await runner.prepare(failing).run(Buffer.from(PASSWORD))).toMatchObject({
      code: 'script-failed',
      detail: 'exit 3: why',
    });
  });

  test('runs nothing where the values would not arrive as they are', async () => {
    const { runner } = open(standby);
    const request = requestOf(said('done'), { accountName: 'alice\nroot' });
    expect(await runner.prepare(request).run(Buffer.from(PASSWORD))).toMatchObject({
      kind: 'not-run',
      code: 'script-failed',
    });
  });
});

describe('a run that begins ahead', () => {
  const noting = (file: string) => `echo "$LK_AHEAD <$LK_LOCK>" >>'${file}'\n`;
  const ahead = (script: string) => requestOf(script, { lockMarks: '', ahead: true });

  test('goes on with its password, and is the only one where it applies', async () => {
    const { runner } = open(true);
    const seen = join(temporary(), 'seen');
    const prepared = runner.prepare(ahead(`${noting(seen)}cat <&3 >/dev/null\n${said('done')}`));
    await expect.poll(() => existsSync(seen)).toBe(true);
    expect(await prepared.run(Buffer.from(PASSWORD))).toMatchObject({ code: 'applied', detail: 'done' });
    expect(readFileSync(seen, 'utf8')).toBe('1 <none>\n');
  });

  test('is run anew where it fails, since the script does not look for a reason then', async () => {
    const { runner } = open(false);
    const seen = join(temporary(), 'seen');
    const failing = `${noting(seen)}[ "$LK_AHEAD" = 0 ] || exit 1\n${said('done')}`;
    expect(await runner.prepare(ahead(failing)).run(Buffer.from(PASSWORD))).toMatchObject({ code: 'applied' });
    expect(readFileSync(seen, 'utf8')).toBe('1 <none>\n0 <>\n');
  });

  test('is given up when a lock file has come since: whoever made it may lock the account', async () => {
    let held = false;
    const { runner } = open(false, () => (held ? { path: '/etc/shadow.lock', pid: 7 } : null));
    const seen = join(temporary(), 'seen');
    const prepared = runner.prepare(ahead(`${noting(seen)}wc -c <&3 >>'${seen}'\n${said('done')}`));
    await expect.poll(() => existsSync(seen)).toBe(true);
    held = true;
    const running = prepared.run(Buffer.from(PASSWORD));
    held = false;
    expect(await running).toMatchObject({ code: 'applied' });
    const line = `alice:${PASSWORD}\n`.length;
    expect(readFileSync(seen, 'utf8')).toBe(`1 <none>\n0 <>\n${String(line)}\n`);
  });

  test('ends when it is not needed', async () => {
    const { runner } = open(true);
    runner.prepare(ahead('cat <&3 >/dev/null\n')).discard();
    await until(() => shells().length === 0, { what: 'its end', deadlineMs: DEADLINE_MS });
  });
});

describe('the shell that stands by', () => {
  test('runs what is verified when its turn comes, whatever lay there when it was started', async () => {
    const { runner, directory } = open(true);
    const request = requestOf(said('signed'));
    writeFileSync(join(directory, `${request.digest}.sh`), said('forged'));
    expect(await runner.prepare(request).run(Buffer.from(PASSWORD))).toMatchObject({ detail: 'signed' });
  });

  test('is used once; the next one waits when the reset is over', async () => {
    const { runner } = open(true);
    const [first, ...others] = shells();
    expect(others).toEqual([]);
    const script = requestOf(said('$$'));
    expect(await runner.prepare(script).run(Buffer.from(PASSWORD))).toMatchObject({ detail: String(first?.pid) });
    expect(shells()).toEqual([]);
    runner.standBy();
    const [second] = await until(() => (shells().length === 1 ? shells() : undefined), {
      what: 'a second shell',
      deadlineMs: DEADLINE_MS,
    });
    expect(await runner.prepare(script).run(Buffer.from(PASSWORD))).toMatchObject({ detail: String(second?.pid) });
  });

  test('is replaced when it was killed, and gone when the runner is closed', async () => {
    const { runner } = open(true);
    const [first] = shells();
    if (first === undefined) throw new Error('no shell stands by');
    process.kill(first.pid, 'SIGKILL');
    await until(() => shells().length === 0, { what: 'its end', deadlineMs: DEADLINE_MS });
    expect(await runner.prepare(requestOf(said('done'))).run(Buffer.from(PASSWORD))).toMatchObject({
      code: 'applied',
      detail: 'done',
    });
    runner.standBy();
    await until(() => shells().length === 1, { what: 'another shell', deadlineMs: DEADLINE_MS });
    runner.close();
    runner.standBy();
    await until(() => shells().length === 0, { what: 'its end', deadlineMs: DEADLINE_MS });
  });

  test('does not keep a process from ending, and ends with it', async () => {
    const at = (path: string) => new URL(`../../../agent/linux/${path}`, import.meta.url).href;
    const code = `const { createScriptRunner } = await import('${at('script-runner.ts')}');
      createScriptRunner({ standby: true });
      console.log((await import('node:fs')).readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim());`;
    const options = { timeout: 10_000, encoding: 'utf8' } as const;
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], options);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^\d+\n$/);
    const waits = () => processes().some(({ pid, command }) => pid === Number(ended.stdout) && command === 'sh');
    await until(() => !waits(), { what: 'the end of its shell', deadlineMs: DEADLINE_MS });
  });
});

test('what stands by is dropped when the next reset needs another one', () => {
  const ended: string[] = [];
  let key = 'login';
  const standby = createStandby(
    () => key,
    (name) => ({ name, alive: () => true, end: () => ended.push(name) }),
    () => 0,
  );
  expect(standby.take('login')).toMatchObject({ name: 'login' });
  expect(standby.take('login')).toBeNull();
  key = 'sshd';
  const other = createStandby(
    () => key,
    (name) => ({ name, alive: () => true, end: () => ended.push(name) }),
    () => 0,
  );
  expect(other.take('login')).toBeNull();
  expect(ended).toEqual(['sshd']);
});

test('what stands by is replaced only when the resets that share the machine have had their time', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let started = 0;
  const standby = createStandby(
    () => null,
    () => ({ number: (started += 1), alive: () => true, end: () => undefined }),
    () => refillAfterMs(0.5),
  );
  expect(standby.take(null)).toMatchObject({ number: 1 });
  standby.refill();
  vi.advanceTimersByTime(7_499);
  expect(started).toBe(1);
  vi.advanceTimersByTime(1);
  expect(started).toBe(2);
  // The next reset begins before the wait is over: its own end starts the wait anew.
  expect(standby.take(null)).toMatchObject({ number: 2 });
  standby.refill();
  vi.advanceTimersByTime(7_000);
  expect(standby.take(null)).toBeNull();
  vi.advanceTimersByTime(60_000);
  expect(started).toBe(2);
});

test('instances that were reset together do not replace what stands by together', () => {
  expect([0, 0.5, 0.999].map((fraction) => Math.round(refillAfterMs(fraction)))).toEqual([5_000, 7_500, 9_995]);
});
