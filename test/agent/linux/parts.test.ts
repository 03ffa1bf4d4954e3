import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RESULT_CODES, Warning } from '#protocol';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createComponentProbes } from '../../../agent/linux/components.ts';
import { parseProcLocks } from '../../../agent/linux/database-lock.ts';
import { DETAIL_CHARACTERS_MAX, safeDetail } from '../../../agent/linux/detail.ts';
import { countFailures, faillockSettings } from '../../../agent/linux/faillock.ts';
import { createScriptRunner, parseResult, SCRIPT_CODES, SCRIPT_WARNINGS } from '../../../agent/linux/script-runner.ts';
import { createScriptStore } from '../../../agent/linux/script-store.ts';
import { judgeSsh } from '../../../agent/linux/ssh-policy.ts';
import { choosePamService } from '../../../agent/linux/verifier.ts';

const temporary = () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
};
const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('every code and warning of the script is one of the protocol, and known to the runner', () => {
  const text = readFileSync(new URL('../../../scripts/instance/reset-linux.sh', import.meta.url), 'utf8');
  const script = text.replaceAll(/^#.*| # .*/gm, '');
  const codes = [...script.matchAll(/(?<![\w-])(?:finish|result) ([a-z][a-z-]+)/g)].map(([, code]) => code ?? '');
  expect(codes.length).toBeGreaterThan(10);
  expect(new Set(codes)).toEqual(new Set(SCRIPT_CODES));
  const unknown = codes.filter((code) => code !== 'applied' && !Object.hasOwn(RESULT_CODES, code));
  expect(unknown).toEqual([]);
  const warnings = [...script.matchAll(/\bwarn ([a-z][a-z-]+)/g)].map(([, warning]) => warning);
  expect(new Set(warnings)).toEqual(new Set(SCRIPT_WARNINGS));
  for (const warning of warnings) expect(Warning.options).toContain(warning);
});

describe('a detail', () => {
  test('is bounded, printable, on one line, and never holds the secret', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ minLength: 8, maxLength: 26 }),
        fc.string(),
        (before, secret, after) => {
          const detail = safeDetail(before + secret + after, Buffer.from(secret));
          expect(detail.length).toBeLessThanOrEqual(DETAIL_CHARACTERS_MAX);
          expect(detail).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
          if (/^[\x21-\x7e]+$/.test(secret) && !'[secret]'.includes(secret)) expect(detail).not.toContain(secret);
        },
      ),
    );
  });
  test('takes an empty secret for none', () => {
    expect(safeDetail('text', Buffer.alloc(0))).toBe('text');
  });
});

describe('the result of a script', () => {
  test.each(SCRIPT_CODES)('%s is read', (code) => {
    const exit = code === 'applied' ? 0 : 1;
    expect(
      parseResult(`noise\nlatchkey-result code=${code} warnings=unexpire-failed,other detail=why not\n`, exit),
    ).toEqual({ kind: 'done', code, warnings: ['unexpire-failed'], detail: 'why not', attempts: 1 });
  });
  test.each([
    ['no result', 'noise', 0],
    ['an unknown code', 'latchkey-result code=great warnings= detail=', 0],
    ['applied, with a status that says otherwise', 'latchkey-result code=applied warnings= detail=', 1],
    ['applied, and then killed', 'latchkey-result code=applied warnings= detail=', null],
    ['a failure that exits with 0', 'latchkey-result code=disk-full warnings= detail=', 0],
  ])('%s is a failed script', (_, text, exit) => {
    expect(parseResult(text, exit)).toMatchObject({ code: 'script-failed' });
  });
});

describe('the script store', () => {
  const bytes = Buffer.from('echo hello\n');
  test('keeps bytes under their digest, for root alone, and repairs what was changed', () => {
    const directory = join(temporary(), 'scripts');
    const store = createScriptStore(directory);
    const path = store.place(bytes, digestOf(bytes)) ?? '';
    expect([statSync(path).mode & 0o777, statSync(directory).mode & 0o777]).toEqual([0o600, 0o700]);
    writeFileSync(path, 'rm -rf /\n');
    expect(readFileSync(store.place(bytes, digestOf(bytes)) ?? '')).toEqual(bytes);
    expect(readdirSync(directory)).toHaveLength(1);
  });
  test.each([digestOf(Buffer.from('other')), '../../etc/passwd', digestOf(bytes).toUpperCase()])(
    'refuses bytes that are not those of %s',
    (digest) => {
      expect(createScriptStore(temporary()).place(bytes, digest)).toBeNull();
    },
  );
});

const PASSWORD = Buffer.from('x');

test('a busy lock is waited for with jitter, and not for ever', async () => {
  let now = 0;
  const waits: number[] = [];
  let holds = 5;
  const script = Buffer.from("printf 'latchkey-result code=applied warnings= detail=\\n'");
  const runner = (lockWaitMsMax: number) =>
    createScriptRunner({
      store: createScriptStore(temporary()),
      locks: { lockFile: () => (holds-- > 0 ? { path: '/etc/shadow.lock', pid: 7 } : null), holder: () => null },
      sleep: async (ms) => {
        waits.push(ms);
        now += ms;
        await Promise.resolve();
      },
      random: () => 0.5,
      monotonicMs: () => now,
      lockWaitMsMax,
    });
  const request = {
    bytes: script,
    digest: digestOf(script),
    phase: 'apply',
    lockMarks: null,
    ahead: false,
    accountName: 'alice',
    options: { unlock: false, unexpire: false, mustChange: false },
  } as const;
  expect(await runner(15_000).prepare(request).run(PASSWORD)).toMatchObject({
    kind: 'done',
    code: 'applied',
    attempts: 6,
  });
  expect(waits).toEqual([50, 100, 200, 400, 800]);
  holds = 1_000;
  expect(await runner(3_000).prepare(request).run(PASSWORD)).toMatchObject({
    kind: 'done',
    code: 'account-database-lock-held',
    detail: '/etc/shadow.lock is held by process 7',
  });
  expect(
    await runner(3_000)
      .prepare({ ...request, digest: digestOf(Buffer.from('other')) })
      .run(PASSWORD),
  ).toMatchObject({
    kind: 'not-run',
    code: 'script-unknown',
  });
});

test('reads holders, not waiters and readers, from /proc/locks', () => {
  const text =
    '1: POSIX  ADVISORY  WRITE 640 fe:00:1234 0 EOF\n1: -> POSIX  ADVISORY  WRITE 641 fe:00:1234 0 EOF\n2: POSIX  ADVISORY  READ 642 fe:00:1235 0 EOF\n';
  expect(parseProcLocks(text)).toEqual([{ pid: 640, device: 'fe:00', inode: 1234 }]);
});

test('counts the valid records of a faillock tally', () => {
  const record = (status: number) => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt16LE(status, 54);
    return bytes;
  };
  expect(countFailures(Buffer.concat([record(1), record(0), record(5), Buffer.alloc(10)]))).toBe(2);
  expect(countFailures(Buffer.alloc(0))).toBe(0);
});

test('takes the settings of faillock from its file and from the stack', () => {
  expect(faillockSettings('', [])).toEqual({ deny: 3, directory: '/run/faillock' });
  expect(faillockSettings('# deny = 9\ndeny = 5\ndir = /var/lib/faillock\n', [])).toEqual({
    deny: 5,
    directory: '/var/lib/faillock',
  });
  expect(
    faillockSettings('deny = 5\n', ['# pam_faillock.so deny=1\nauth required pam_faillock.so preauth deny=4\n']),
  ).toMatchObject({ deny: 4 });
  expect(faillockSettings('deny = 0\n', [])).toMatchObject({ deny: Number.POSITIVE_INFINITY });
});

describe('what sshd will say', () => {
  test.each([
    ['passwordauthentication yes\npermitrootlogin yes\n', 0, []],
    ['passwordauthentication yes\npermitrootlogin without-password\n', 0, ['ssh-root-forbidden']],
    ['passwordauthentication yes\npermitrootlogin no\n', 1000, []],
    ['passwordauthentication no\nkbdinteractiveauthentication no\nusepam yes\n', 1000, ['ssh-password-forbidden']],
    ['passwordauthentication no\nkbdinteractiveauthentication yes\nusepam yes\n', 1000, []],
    [
      'passwordauthentication no\nkbdinteractiveauthentication yes\nusepam no\npermitrootlogin no\n',
      0,
      ['ssh-password-forbidden', 'ssh-root-forbidden'],
    ],
    ['', 0, []],
  ])('%j for uid %i', (text, uid, warnings) => {
    expect(judgeSsh(text, { uid })).toEqual(warnings);
  });
});

test('a helper that waits does not keep a process from ending', () => {
  const verifier = new URL('../../../agent/linux/verifier.ts', import.meta.url).href;
  const code = `const { createVerifier } = await import('${verifier}'); createVerifier({ now: Date.now, standby: true, service: 'login' });`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], { timeout: 10_000, encoding: 'utf8' });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
});

test('asks a service of PAM that asks for the password', () => {
  const having = (...paths: string[]) => choosePamService((path) => paths.includes(path));
  expect(having('/etc/pam.d/login', '/etc/pam.d/sshd', '/etc/pam.d/su')).toBe('login');
  expect(having('/etc/pam.d/sshd', '/etc/pam.d/su')).toBe('sshd');
  expect(having('/usr/lib/pam.d/login')).toBe('login');
  expect(having('/etc/pam.d/su', '/etc/pam.d/runuser', '/etc/pam.d/other')).toBeNull();
});

test('says when the tools are missing, and when there is nowhere to keep a journal', () => {
  const probes = createComponentProbes({ stateDirectory: '/nowhere', toolDirectories: ['/nowhere'] });
  expect(probes['script-runner']()).toMatchObject({ ok: false, code: 'chpasswd-missing' });
  expect(probes.disk()).toMatchObject({ ok: false, code: 'journal-unwritable' });
});
