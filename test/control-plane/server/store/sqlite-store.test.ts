import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openSqliteStore } from '../../../../control-plane/server/store/sqlite-store.ts';
import { anEntry, anInstance } from '../../../contract/store-records.ts';
import { describeStoreContract } from '../../../contract/store.contract.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describeStoreContract('SQLite in a file', true, async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'latchkey-store-')), 'data', 'latchkey.db');
  let commits = 0;
  return {
    open: () => openSqliteStore({ path, onCommit: () => (commits += 1) }),
    commits: () => commits,
    rawBytes: () => Buffer.concat([path, `${path}-wal`].filter(existsSync).map((file) => readFileSync(file))),
    dispose: async () => rmSync(join(path, '..', '..'), { recursive: true }),
  };
});

describeStoreContract('SQLite in memory', false, async () => {
  let commits = 0;
  return {
    open: () => openSqliteStore({ path: ':memory:', onCommit: () => (commits += 1) }),
    commits: () => commits,
    rawBytes: () => new Uint8Array(),
    dispose: async () => undefined,
  };
});

describe('a SQLite database file', () => {
  const path = () => join(directory, 'data', 'latchkey.db');

  test('is readable by its owner alone, with its log and its directory', async () => {
    const store = await openSqliteStore({ path: path() });
    await store.transaction((tx) => tx.audit.append(anEntry()));
    const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);
    expect(mode(join(directory, 'data'))).toBe('700');
    for (const file of [path(), `${path()}-wal`, `${path()}-shm`]) expect(mode(file), file).toBe('600');
    await store.close();
  });

  test('has what was committed when its process was killed right after', async () => {
    const store = await openSqliteStore({ path: path() });
    const instance = anInstance();
    await store.transaction((tx) => tx.instances.insert(instance));
    // What a killed process leaves: the files as they are, the log not yet moved into the database.
    const copy = join(directory, 'copy.db');
    for (const suffix of ['', '-wal']) writeFileSync(copy + suffix, readFileSync(path() + suffix));
    const survivor = await openSqliteStore({ path: copy });
    expect(await survivor.read.instances.get(instance.id)).toEqual(instance);
    await survivor.close();
    await store.close();
  });

  test('is refused when a newer version has migrated it, and left as it is', async () => {
    await (await openSqliteStore({ path: path() })).close();
    const database = new DatabaseSync(path());
    database.exec(`insert into migrations values (9999, 'from-the-future', 0)`);
    database.close();
    const refusal = openSqliteStore({ path: path() });
    await expect(refusal).rejects.toMatchObject({ code: 'database-newer' });
    await expect(refusal).rejects.toThrow(/from-the-future.*newer one/);
  });

  test('belongs to one control plane at a time', async () => {
    const store = await openSqliteStore({ path: path() });
    await expect(openSqliteStore({ path: path() })).rejects.toMatchObject({ code: 'database-busy' });
    await store.transaction((tx) => tx.audit.append(anEntry()));
    await store.close();
    await (await openSqliteStore({ path: path() })).close();
  });

  test('is migrated once, and that is on record', async () => {
    for (const now of [1, 2]) await (await openSqliteStore({ path: path(), now: () => now })).close();
    const database = new DatabaseSync(path());
    const rows = database.prepare('select * from migrations').all();
    expect(rows).toContainEqual({ number: 1, name: 'initial', appliedAt: 1 });
    expect(new Set(rows.map((row) => row['appliedAt']))).toEqual(new Set([1]));
    database.close();
  });

  test('names the table of a row that is damaged instead of handing it out', async () => {
    const instance = anInstance();
    const store = await openSqliteStore({ path: path() });
    await store.transaction((tx) => tx.instances.insert(instance));
    const database = new DatabaseSync(path());
    for (const damage of [`"tags" = 'not json'`, `"os" = 'beos', "tags" = '{}'`]) {
      database.exec(`update "instances" set ${damage}`);
      for (const refusal of [
        store.read.instances.get(instance.id),
        store.read.instances.getPart(instance.id, ['os', 'tags']),
      ]) {
        await expect(refusal).rejects.toMatchObject({ code: 'row-malformed' });
        await expect(refusal).rejects.toThrow('"instances"');
      }
    }
    database.close();
    await store.close();
  });
});

describe('a snapshot', () => {
  test.each(['file', 'memory'])('of a store in a %s goes on from the same data, apart from it', async (where) => {
    const path = where === 'memory' ? ':memory:' : join(directory, 'latchkey.db');
    const [kept, later, elsewhere] = [anInstance(), anInstance(), anInstance()];
    const store = await openSqliteStore({ path });
    await store.transaction((tx) => tx.instances.insert(kept));
    const snapshot = await store.snapshot();
    await store.transaction((tx) => tx.instances.insert(later));

    const restored = await openSqliteStore({ path: ':memory:', snapshot });
    expect(await restored.read.instances.get(kept.id)).toEqual(kept);
    expect(await restored.read.instances.get(later.id)).toBeNull();
    await restored.transaction((tx) => tx.instances.insert(elsewhere));
    expect(await store.read.instances.get(elsewhere.id)).toBeNull();
    await restored.close();
    await store.close();

    const file = join(directory, 'restored.db');
    writeFileSync(file, snapshot);
    const inFile = await openSqliteStore({ path: file });
    expect(await inFile.read.instances.get(kept.id)).toEqual(kept);
    await inFile.close();
  });
});
