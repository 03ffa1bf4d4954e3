import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { ResetId, SealedPassword, sealedBytes } from '#protocol';
import { sha256Sync } from '../../control-plane/server/runtime.ts';
import { ADMINISTRATOR } from './core-world.ts';
import type { FakeIdentity } from './fake-agent.ts';

/** Databases as earlier versions left them: the schema frozen in a file, the rows as they were written then. */

const SCHEMAS = new URL('../control-plane/server/store/schemas/', import.meta.url);

/** Every schema that a database can have, oldest first; the last is today's. */
export const SCHEMA_NAMES: readonly string[] = readdirSync(SCHEMAS)
  .map((file) => file.replace('.sql', ''))
  .sort();

export function makeSchema(path: string, name: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(readFileSync(new URL(`${name}.sql`, SCHEMAS), 'utf8'));
  return database;
}

/** Tables, indexes and migrations, in an order of their own. */
export function schemaOf(database: DatabaseSync): readonly unknown[] {
  const objects = database.prepare('select type, name, sql from sqlite_master order by type, name').all();
  return [...objects, ...database.prepare('select number, name from migrations order by number').all()];
}

/** Every row of every table. */
export function contentOf(database: DatabaseSync): Readonly<Record<string, readonly unknown[]>> {
  const tables = database.prepare("select name from sqlite_master where type = 'table' order by name").all();
  return Object.fromEntries(
    tables.map(({ name }) => [String(name), database.prepare(`select * from "${String(name)}" order by 1`).all()]),
  );
}

export interface OldHistory {
  /** Finished, with a task that succeeded. */
  readonly finished: ResetId;
  /** Started, with a task that waits for its instance. */
  readonly underWay: ResetId;
}

const RESET_OPTIONS = '{"unlock":false,"unexpire":false,"mustChange":false}';
const GENERATION = 4;

/** An instance with its history, in columns that every version has. */
export function fillOld(database: DatabaseSync, identity: FakeIdentity, now: number): OldHistory {
  const insert = (table: string, row: Readonly<Record<string, SQLInputValue>>): void => {
    const names = Object.keys(row);
    const columns = names.map((name) => `"${name}"`).join(', ');
    const values = names.map(() => '?').join(', ');
    database.prepare(`insert into "${table}" (${columns}) values (${values})`).run(...Object.values(row));
  };
  const { instanceId, signer } = identity;
  const tokenId = ADMINISTRATOR.tokenId;
  insertAccess(insert, tokenId, now);
  insert('instances', {
    ...{ id: instanceId, name: 'one', os: 'linux', project: 'default', tags: '{"role":"web"}', power: 'running' },
    ...{ createdAt: now - 1_000, identityKey: signer.publicKey, identity: signer.key },
    ...{ agentState: 'running', agentVersion: '0.1.0', components: '{"disk":{"state":"ok"}}', reasons: '[]' },
  });
  insert('instanceTags', { instanceId, key: 'role', value: 'web' });
  insert('generations', { instanceId, account: 'alice', generation: GENERATION });
  insert('audit', {
    ...{ sequence: 1, at: now - 900, actor: 'token:admin', action: 'reset.start', resource: 'reset:1' },
    ...{ decision: 'allow', rule: 'role-administrator', detail: '{"tasks":1}' },
  });

  const [finished, underWay] = [ResetId.parse(randomUUID()), ResetId.parse(randomUUID())];
  const reset = {
    ...{ mode: 'online', account: 'alice', options: RESET_OPTIONS, supersede: 0, tokenId, requestedBy: 'admin' },
    ...{ plannedAt: now - 900, planExpiresAt: now + 900_000 },
  };
  const started = { requestedAt: now - 800, notAfter: now + 600_000 };
  insert('resets', { ...reset, ...started, id: finished, finishedAt: now - 700 });
  insert('resets', { ...reset, ...started, id: underWay });
  insert('resets', { ...reset, id: randomUUID() });
  const task = {
    ...{ instanceId, account: 'alice', mode: 'online', options: RESET_OPTIONS },
    ...{ ...started, warnings: '[]', updatedAt: now - 700 },
  };
  const done = { state: 'succeeded', verifiedBy: 'login', appliedMs: 20.5, verifiedMs: 60 };
  insert('tasks', { ...task, ...done, id: randomUUID(), resetId: finished, generation: GENERATION - 1 });
  const sealed = SealedPassword.parse({ keyId: signer.key, enc: 'A'.repeat(43), ciphertext: 'A'.repeat(107) });
  insert('tasks', {
    ...{ ...task, id: randomUUID(), resetId: underWay, generation: GENERATION, state: 'pending' },
    ...{ sealed: JSON.stringify(sealed), sealedDigest: sha256Sync(sealedBytes(sealed)) },
  });
  return { finished, underWay };
}

type Insert = (table: string, row: Readonly<Record<string, SQLInputValue>>) => void;

function insertAccess(insert: Insert, tokenId: string, now: number): void {
  insert('projects', { name: 'default', serviceEnabled: 1, statementVersion: 1, enabledBy: 'admin', enabledAt: now });
  insert('tokens', {
    ...{ id: tokenId, type: 'api', name: 'admin', secretDigest: 'A'.repeat(43), role: 'administrator' },
    ...{ privileged: 1, reEnrol: 0, createdAt: now - 2_000, createdBy: 'system' },
  });
}
