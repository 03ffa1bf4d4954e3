import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { LAUNCHED_WITH } from '../../bench/swarm/server.ts';

const LAUNCHER = fileURLToPath(new URL('../../../scripts/latchkey', import.meta.url));

/** The command line and the settings of memory that the runtime is started with. */
function started(...argv: string[]) {
  const top = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(top, { recursive: true }));
  const runtime = join(top, 'node_modules/node-linux-test/bin');
  mkdirSync(runtime, { recursive: true });
  mkdirSync(join(top, 'scripts'));
  copyFileSync(LAUNCHER, join(top, 'scripts/latchkey'));
  writeFileSync(join(runtime, 'node'), `#!/bin/sh\nprintf '%s\\n' "$@" -- "$(env | grep ^MALLOC_ | sort)"\n`);
  chmodSync(join(runtime, 'node'), 0o755);
  const env = { PATH: process.env['PATH'] ?? '' };
  const { stdout, stderr } = spawnSync('sh', [join(top, 'scripts/latchkey'), ...argv], { encoding: 'utf8', env });
  expect(stderr).toBe('');
  const [command = '', settings = ''] = stdout.split(/^--$/m);
  const [flags = '', rest = ''] = command.split(`${join(top, 'control-plane/main.ts')}\n`);
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  return { flags: lines(flags), argv: lines(rest), settings: lines(settings) };
}

test('a server is started with what its memory was measured with, and a command of an operator without', () => {
  const settings = Object.entries(LAUNCHED_WITH.env).map(([name, value]) => `${name}=${value}`);
  const server = started('server', '--config', '/etc/a file');
  expect(server).toMatchObject({ argv: ['server', '--config', '/etc/a file'], settings: settings.sort() });
  expect(server.flags).toEqual(expect.arrayContaining([...LAUNCHED_WITH.flags]));
  const verb = started('status', 'server');
  expect(verb).toMatchObject({ argv: ['status', 'server'], settings: [] });
  for (const flag of LAUNCHED_WITH.flags) expect(verb.flags).not.toContain(flag);
});
