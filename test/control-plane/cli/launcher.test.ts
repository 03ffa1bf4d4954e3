import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../../../scripts/latchkey', import.meta.url));

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'latchkey-')); // 0700
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** Where the runtime is told to keep compiled code. `programs` come before the system's own. */
function told(argv: readonly string[], env: NodeJS.ProcessEnv, programs: Readonly<Record<string, string>> = {}) {
  const top = temporary();
  const place = (path: string, script: string) => {
    mkdirSync(join(top, path, '..'), { recursive: true });
    writeFileSync(join(top, path), `#!/bin/sh\n${script}\n`);
    chmodSync(join(top, path), 0o755);
  };
  mkdirSync(join(top, 'scripts'));
  copyFileSync(LAUNCHER, join(top, 'scripts/latchkey'));
  place('node_modules/node-linux-test/bin/node', `echo "\${NODE_COMPILE_CACHE-none}"`);
  for (const [name, script] of Object.entries(programs)) place(`bin/${name}`, script);
  const run = spawnSync('sh', [join(top, 'scripts/latchkey'), ...argv], {
    encoding: 'utf8',
    env: { ...env, PATH: `${join(top, 'bin')}:${process.env['PATH'] ?? ''}` },
  });
  expect(run.stderr).toBe('');
  return run.stdout.trim();
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

test("an operator's command keeps compiled code below their home, where nobody else can write", () => {
  const home = temporary();
  const kept = join(home, '.cache/latchkey');
  expect(told(['reset', 'web-1'], { HOME: home })).toBe(kept);
  expect([join(home, '.cache'), kept].map(modeOf)).toEqual([0o700, 0o700]);
  expect(told(['instances'], { HOME: home })).toBe(kept);
});

test.each(['server', 'backup', 'restore', 'help'])('`latchkey %s` keeps nothing', (verb) => {
  expect(told([verb], { HOME: temporary() })).toBe('none');
});

test.each(['', '.cache', '.cache/latchkey'])('nothing is kept where others can write to the home’s "%s"', (open) => {
  for (const mode of [0o720, 0o702]) {
    const home = temporary();
    mkdirSync(join(home, '.cache/latchkey'), { recursive: true, mode: 0o700 });
    expect(told(['whoami'], { HOME: home })).toBe(join(home, '.cache/latchkey'));
    chmodSync(join(home, open), mode);
    expect(told(['whoami'], { HOME: home })).toBe('none');
  }
});

test('nothing is kept, and nothing made, in the home of somebody else', () => {
  const home = temporary();
  expect(told(['whoami'], { HOME: home }, { id: 'echo 4711' })).toBe('none');
  expect(() => statSync(join(home, '.cache'))).toThrow('ENOENT');
});

test('nothing is kept by way of a link', () => {
  const home = temporary();
  symlinkSync(temporary(), join(home, '.cache'));
  expect(told(['whoami'], { HOME: home })).toBe('none');
});

test.each([{}, { HOME: '' }, { HOME: '/nonexistent' }])('nothing is kept without a home: %j', (env) => {
  expect(told(['whoami'], env)).toBe('none');
});

test('what the caller has set for the runtime loads no compiled code', () => {
  const env = { NODE_COMPILE_CACHE: '/tmp/hostile' };
  expect(told(['whoami'], env)).toBe('none');
  expect(told(['server'], env)).toBe('none');
});
