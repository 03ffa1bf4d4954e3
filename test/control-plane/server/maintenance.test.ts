import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { DATABASE_FILE } from '../../../control-plane/server/data-directory.ts';
import { afterRestore, recoverAdministrator } from '../../../control-plane/server/maintenance.ts';
import { sha256Sync } from '../../../control-plane/server/runtime.ts';
import { parseApiToken, secretMatches } from '../../../control-plane/server/service/token-secrets.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { StoredAuditEntry, TokenRecord } from '../../../control-plane/server/store/records.ts';
import { aConsoleSession, anInstance, aReset, aTarget, aTask, aToken } from '../../contract/store-records.ts';

let top: string;
let dataDir: string;
let keysDir: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'latchkey-maintenance-'));
  [dataDir, keysDir] = [join(top, 'data'), join(top, 'keys')];
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const open = () => openSqliteStore({ path: join(dataDir, DATABASE_FILE) });
const ALL = { limit: 100, after: null };

describe('the verbs for a server that is stopped', () => {
  test.each([
    ['after-restore', afterRestore],
    ['recover-administrator', recoverAdministrator],
  ])('%s refuses a directory without a database, and makes none', async (_, verb) => {
    await expect(verb({ dataDir, keysDir })).rejects.toMatchObject({ code: 'database-missing' });
    await expect(verb({ dataDir, keysDir }), 'nor did the first try').rejects.toMatchObject({
      code: 'database-missing',
    });
  });

  test.each([
    ['after-restore', afterRestore],
    ['recover-administrator', recoverAdministrator],
  ])('%s refuses a database that a server has', async (_, verb) => {
    const store = await open();
    await expect(verb({ dataDir, keysDir })).rejects.toMatchObject({ code: 'database-busy' });
    await store.close();
  });
});

describe('recover-administrator', () => {
  test('leaves a token that is an administrator’s in a file for its owner alone, and says so in the audit', async () => {
    await (await open()).close();
    const file = await recoverAdministrator({ dataDir, keysDir });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8').trim();
    const store = await open();
    const token = parseApiToken(text);
    const record: TokenRecord | null = token === null ? null : await store.read.tokens.get(token.id);
    expect(record).toMatchObject({ role: 'administrator', privileged: true, projects: null, revokedAt: null });
    if (token === null || record === null) throw new Error('the token is not known');
    expect(secretMatches(token.secret, record.secretDigest, sha256Sync)).toBe(true);
    const { rows } = await store.read.audit.list({}, ALL);
    const entries: readonly StoredAuditEntry[] = rows;
    expect(entries).toMatchObject([{ action: 'token.create', rule: 'recovery', actor: 'system' }]);
    await store.close();
    expect(file).toBe(join(keysDir, 'administrator-token'));
    for (const name of readdirSync(dataDir)) {
      expect(readFileSync(join(dataDir, name)).includes(token.secret), name).toBe(false);
    }
  });
});

describe('after-restore', () => {
  test('cancels what was not sent, gives up what was, drops plans, revokes join tokens, ends sessions, forgets secrets', async () => {
    const store = await open();
    const instance = anInstance();
    const reset = aReset({ requestedAt: 1, notAfter: 9 });
    const plan = aReset({ requestedAt: null });
    const pending = aTask(reset, { instanceId: instance.id, state: 'pending' });
    const running = aTask(reset, { instanceId: instance.id, state: 'running' });
    const join1 = aToken({ type: 'join', revokedAt: null });
    const api = aToken({ type: 'api', role: 'operator', revokedAt: null, expiresAt: null });
    const expired = aToken({ type: 'api', role: 'operator', revokedAt: null, expiresAt: 1 });
    const revoked = aToken({ type: 'api', role: 'operator', revokedAt: 1, expiresAt: null });
    const session = aConsoleSession(api);
    await store.transaction(async (tx) => {
      await tx.instances.insert(instance);
      await tx.resets.insert(reset, []);
      await tx.resets.insert(plan, [aTarget(plan)]);
      await tx.tasks.insert([pending, running]);
      await tx.tokens.insert(join1);
      for (const token of [api, expired, revoked]) await tx.tokens.insert(token);
      await tx.consoleSessions.insert(session);
    });
    await store.close();
    expect(await afterRestore({ dataDir })).toEqual({
      cancelledTasks: 1,
      unknownTasks: 1,
      voidPlans: 1,
      revokedJoinTokens: 1,
      endedConsoleSessions: 1,
      apiTokens: [{ id: api.id, name: api.name, role: 'operator', createdAt: api.createdAt }],
    });
    const restored = await open();
    const read = restored.read;
    expect(await read.tasks.get(pending.id)).toMatchObject({
      state: 'cancelled',
      code: 'cancelled-by-restore',
      sealed: null,
    });
    expect(await read.tasks.get(running.id)).toMatchObject({ state: 'outcome-unknown', code: 'cancelled-by-restore' });
    expect((await read.tokens.get(join1.id))?.revokedAt).not.toBeNull();
    expect((await read.tokens.get(api.id))?.revokedAt).toBeNull();
    expect(await read.consoleSessions.get(session.id)).toBeNull();
    expect(await read.resets.get(plan.id)).toBeNull();
    expect(await read.instances.get(instance.id)).toMatchObject({ continuityCurrent: null, continuityPrevious: null });
    await restored.close();
  });
});
