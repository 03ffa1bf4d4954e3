import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { tellSupervisor } from '../../../control-plane/server/supervisor.ts';
import { QUIET } from '../../support/core-world.ts';

let directory: string;
let warnings: string[];
const log = { ...QUIET, warn: (_: object, message: string) => warnings.push(message) };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-supervisor-'));
  warnings = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A helper in the place of systemd's, which writes down what it is to send, and where. */
function helper(exit: number): NodeJS.ProcessEnv {
  const said = join(directory, 'said');
  const script = `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> '${said}'\nexit ${String(exit)}\n`;
  writeFileSync(join(directory, 'systemd-notify'), script, { mode: 0o755 });
  return { PATH: `${directory}:/usr/bin:/bin`, NOTIFY_SOCKET: '/run/notify' };
}

test('a supervisor that wants to know is told when the server takes work and when it ends', async () => {
  const env = helper(0);
  await tellSupervisor('ready', { env, log });
  await tellSupervisor('stopping', { env, log });
  expect(readFileSync(join(directory, 'said'), 'utf8')).toBe('/run/notify READY=1\n/run/notify STOPPING=1\n');
  expect(warnings).toEqual([]);
});

test('one that cannot be told is a line in the log, and no end of the server', async () => {
  await tellSupervisor('ready', { env: helper(1), log });
  await tellSupervisor('ready', { env: { PATH: directory + '/none', NOTIFY_SOCKET: '/run/notify' }, log });
  expect(warnings).toHaveLength(2);
});

test('where nobody asks, nobody is told', async () => {
  const { PATH } = helper(1);
  await tellSupervisor('ready', { env: { PATH }, log });
  expect(warnings).toEqual([]);
});
