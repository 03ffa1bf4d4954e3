import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../../../scripts/latchkey-agent', import.meta.url));
const STATE = '/var/lib/latchkey-agent';

function program(path: string, script: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** What the runtime is told where the state directory has this owner and mode; null: it is not there. */
function told(argv: readonly string[], owner: string | null, env: NodeJS.ProcessEnv = {}) {
  const top = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(top, { recursive: true }));
  mkdirSync(join(top, 'scripts'));
  copyFileSync(LAUNCHER, join(top, 'scripts/latchkey-agent'));
  program(
    join(top, 'node_modules/node-linux-test/bin/node'),
    `echo "\${NODE_COMPILE_CACHE-none} \${NODE_OPTIONS-none}"`,
  );
  const answer = owner === null ? 'exit 1' : `[ "$3" = ${STATE} ] && echo ${owner}`;
  program(join(top, 'bin/stat'), answer);
  const path = `${join(top, 'bin')}:${process.env['PATH'] ?? ''}`;
  const run = spawnSync('sh', [join(top, 'scripts/latchkey-agent'), ...argv], {
    encoding: 'utf8',
    env: { ...env, PATH: path },
  });
  expect(run.stderr).toBe('');
  return run.stdout.trim();
}

test('the daemon runs compiled code from a state directory that is root’s alone', () => {
  expect(told(['run'], '0:700')).toBe(`${STATE}/compiled none`);
  expect(told(['run', '--no-standby'], '0:700')).toBe(`${STATE}/compiled none`);
});

test.each([
  ['others can write there', ['run'], '0:777'],
  ['others can look there', ['run'], '0:755'],
  ['it is somebody else’s', ['run'], '1000:700'],
  ['it is not there', ['run'], null],
  ['another verb is run, which might remove it', ['uninstall'], '0:700'],
  ['no verb is given', [], '0:700'],
])('from nowhere when %s', (_, argv, owner) => {
  expect(told(argv, owner)).toBe('none none');
});

test('what the caller has set for the runtime loads no code', () => {
  const env = { NODE_COMPILE_CACHE: '/tmp/hostile', NODE_OPTIONS: '--require /tmp/hostile' };
  expect(told(['status'], null, env)).toBe('none none');
});
