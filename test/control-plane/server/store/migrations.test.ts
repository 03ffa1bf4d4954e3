import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { InstanceId } from '#protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openSqliteStore } from '../../../../control-plane/server/store/sqlite-store.ts';
import { ADMINISTRATOR, openCoreWorld } from '../../../support/core-world.ts';
import { FakeAgent, newIdentity } from '../../../support/fake-agent.ts';
import { SCHEMA_NAMES, contentOf, fillOld, makeSchema, schemaOf } from '../../../support/old-database.ts';

const PAGE = { limit: 100, after: null };

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-migrations-'));
  path = join(directory, 'latchkey.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

function look<T>(at: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(at, { readOnly: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

describe.each(SCHEMA_NAMES)('a database of schema %s', (schema) => {
  test('becomes what a new one is', async () => {
    makeSchema(path, schema).close();
    await (await openSqliteStore({ path })).close();
    const fresh = join(directory, 'fresh.db');
    await (await openSqliteStore({ path: fresh })).close();
    expect(look(path, schemaOf)).toEqual(look(fresh, schemaOf));
  });

  test('keeps its history, and what was under way comes to its end', async () => {
    const identity = await newIdentity(randomUUID() as InstanceId);
    const old = makeSchema(path, schema);
    const history = fillOld(old, identity, Date.now());
    old.close();
    const store = await openSqliteStore({ path });
    {
      await using world = await openCoreWorld({ store });
      const { resets } = world.core;
      const finished = await resets.get(ADMINISTRATOR, history.finished);
      expect(finished).toMatchObject({ state: 'finished', counts: { succeeded: 1 } });
      const underWay = await resets.get(ADMINISTRATOR, history.underWay);
      expect(underWay).toMatchObject({ state: 'running', concurrency: 50 });
      expect((await store.read.audit.list({ action: 'reset.start' }, PAGE)).rows).toHaveLength(1);
      const tagged = await store.read.instances.list({ tags: [{ key: 'role', value: 'web' }] }, PAGE);
      expect(tagged.rows).toHaveLength(1);

      const agent = new FakeAgent(identity, (connection) => world.core.accept(connection));
      agent.hello();
      expect((await world.finished(underWay)).counts).toMatchObject({ total: 1, succeeded: 1 });
      const next = await world.start(await world.plan({ targets: { instances: ['one'] }, account: 'alice' }));
      expect((await world.finished(next)).counts).toMatchObject({ total: 1, succeeded: 1 });
      const { items } = await resets.tasks(ADMINISTRATOR, next.id, { limit: 10 });
      expect(items).toMatchObject([{ generation: 5, verifiedBy: 'login' }]);
    }
    await store.close();
  });
});

test('a database of a newer version is refused with a code and stays as it is, byte for byte', async () => {
  await (await openSqliteStore({ path })).close();
  const newer = new DatabaseSync(path);
  newer.exec(`insert into migrations values (9999, 'from-the-future', 0); create table "later" ("id" text)`);
  newer.close();
  const before = readFileSync(path);
  await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'database-newer' });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('a migration that fails half way leaves the database as it was, and can be run again', async () => {
  const identity = await newIdentity(randomUUID() as InstanceId);
  const old = makeSchema(path, '0001');
  fillOld(old, identity, Date.now());
  // In the way of the third migration, after it has changed a table.
  old.exec('create table "resetsOpen" ("id" text)');
  const before = [schemaOf(old), contentOf(old)];
  old.close();
  await expect(openSqliteStore({ path })).rejects.toThrow(/resetsOpen/);
  expect(look(path, (database) => [schemaOf(database), contentOf(database)])).toEqual(before);

  const repaired = new DatabaseSync(path);
  repaired.exec('drop table "resetsOpen"');
  repaired.close();
  const store = await openSqliteStore({ path });
  expect(await store.read.instances.get(identity.instanceId)).toMatchObject({ name: 'one' });
  await store.close();
});

test('the newest schema that is frozen for these tests is today’s', async () => {
  const frozen = makeSchema(path, SCHEMA_NAMES.at(-1) ?? '');
  const fresh = join(directory, 'fresh.db');
  await (await openSqliteStore({ path: fresh })).close();
  expect(schemaOf(frozen)).toEqual(look(fresh, schemaOf));
  frozen.close();
});
