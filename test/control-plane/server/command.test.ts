import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { addServerCommand } from '../../../control-plane/server/command.ts';
import { DATABASE_FILE } from '../../../control-plane/server/data-directory.ts';
import { loadKeyring } from '../../../control-plane/server/keys/keyring.ts';
import type { TokenRecord } from '../../../control-plane/server/store/records.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import { aToken } from '../../contract/store-records.ts';

let top: string;
let keys: string;
let data: string;
let scriptKey: string;
let said: string;
let complained: string;

beforeEach(async () => {
  top = mkdtempSync(join(tmpdir(), 'latchkey-command-'));
  keys = join(top, 'keys');
  data = join(top, 'data');
  scriptKey = join(top, 'offline.key');
  said = '';
  complained = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complained += String(text);
    return true;
  });
  await loadKeyring({ dir: keys, publicUrl: 'https://latchkey.example:8443', now: Date.now() });
  renameSync(join(keys, 'script.key'), scriptKey);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(top, { recursive: true, force: true });
});

const GOOD = { revokedAt: null, expiresAt: null };

async function storeWith(token: TokenRecord): Promise<void> {
  const store = await openSqliteStore({ path: join(data, DATABASE_FILE) });
  await store.transaction((tx) => tx.tokens.insert(token));
  await store.close();
}

/** What `latchkey server …` does with these words; returns the exit code. */
async function run(...words: string[]): Promise<number> {
  process.exitCode = 0;
  const program = new Command('latchkey').exitOverride();
  addServerCommand(program);
  await program.parseAsync(['server', ...words], { from: 'user' });
  const code = process.exitCode;
  process.exitCode = 0;
  return code;
}

async function server(...words: string[]): Promise<void> {
  expect(await run(...words), complained).toBe(0);
}

test('rotate-order-key takes the directory and the script key that stand behind it', async () => {
  const before = readFileSync(join(keys, 'order.key'), 'utf8');
  await server('rotate-order-key', '--keys', keys, '--script-key', scriptKey);
  expect(said).toMatch(/^key set 2 names the order key /);
  expect(readFileSync(join(keys, 'order.key'), 'utf8')).not.toBe(before);
});

test('sign-catalogue takes the directory and the script key that stand behind it', async () => {
  rmSync(join(keys, 'catalogue.json'));
  await server('sign-catalogue', '--keys', keys, '--script-key', scriptKey);
  expect(said).toMatch(/^signed \S+ version 1 /);
  expect(existsSync(join(keys, 'catalogue.json'))).toBe(true);
});

test('verbs that need the script key take the directory before them, too', async () => {
  await server('--keys', keys, 'rotate-order-key', '--script-key', scriptKey);
  await server('--keys', keys, 'sign-catalogue', '--script-key', scriptKey);
  expect(said).toMatch(/^key set 2 .*\nsigned \S+ version 1 /);
});

test('verbs about the data take the directory before or behind them', async () => {
  await (await openSqliteStore({ path: join(data, DATABASE_FILE) })).close();
  await server('--data', data, '--keys', keys, 'recover-administrator');
  rmSync(join(keys, 'administrator-token'));
  await server('recover-administrator', '--data', data, '--keys', keys);
  expect(existsSync(join(keys, 'administrator-token'))).toBe(true);
  await server('check-config', '--data', data, '--keys', keys);
  expect(said).toContain('The configuration is good.');
});

describe('after-restore', () => {
  test('names the API tokens that are valid, and says what has to be undone again', async () => {
    const token = aToken({ type: 'api', name: 'deploy', role: 'operator', createdAt: 0, ...GOOD });
    await storeWith(token);
    await server('after-restore', '--data', data, '--keys', keys);
    expect(said).toMatch(new RegExp(`^  ${token.id} +operator +1970-01-01T00:00:00.000Z +deploy$`, 'm'));
    expect(said).toContain('latchkey tokens revoke');
    expect(said).toContain('latchkey instances remove');
  });

  test('says so to programs too', async () => {
    const token = aToken({ type: 'api', name: 'deploy', role: 'operator', createdAt: 0, ...GOOD });
    await storeWith(token);
    await server('after-restore', '--data', data, '--keys', keys, '--json');
    expect(JSON.parse(said)).toMatchObject({
      cancelledTasks: 0,
      apiTokens: [{ id: token.id, name: 'deploy', role: 'operator', createdAt: 0 }],
    });
  });
});

test('a problem of the configuration names the flag that mends it', async () => {
  expect(await run('check-config', '--listen', '0.0.0.0:8443', '--data', data, '--keys', keys)).toBe(2);
  expect(complained).toMatch(/^latchkey: publicUrl \(--public-url\): It is missing/);
  expect(await run('check-config', '--listen', '127.0.0.1', '--data', data, '--keys', keys)).toBe(2);
  expect(complained).toContain('"127.0.0.1" is not host:port. Write host:port');
});

test('rotate-ca takes the same, says what is left to do, and ends with --finish', async () => {
  const before = readFileSync(join(keys, 'ca.crt'), 'utf8');
  expect(await run('rotate-ca', '--finish', '--keys', keys, '--script-key', scriptKey)).toBe(1);
  expect(complained).toContain('latchkey server rotate-ca --script-key FILE');
  await server('rotate-ca', '--keys', keys, '--script-key', scriptKey);
  expect(said).toMatch(/^key set 2 names a new TLS authority \(pin \S{43}\) .*restart the server.*--finish/s);
  expect(readFileSync(join(keys, 'ca.crt'), 'utf8')).not.toBe(before);
  said = '';
  await server('rotate-ca', '--finish', '--keys', keys, '--script-key', scriptKey);
  expect(said).toMatch(/^key set 3 names one TLS authority /);
});
