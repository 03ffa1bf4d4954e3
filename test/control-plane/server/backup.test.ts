import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backUp, restore } from '../../../control-plane/server/backup.ts';
import { DATABASE_FILE } from '../../../control-plane/server/data-directory.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import { anInstance, aReset, aTask } from '../../contract/store-records.ts';

const NOW = Date.UTC(2026, 10, 23);
const MAIN = fileURLToPath(new URL('../../../control-plane/main.ts', import.meta.url));

let top: string;
let data: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'latchkey-backup-'));
  data = join(top, 'data');
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const open = () => openSqliteStore({ path: join(data, DATABASE_FILE) });
const at = (name: string) => join(top, name);

describe('a backup', () => {
  test('is taken while a server writes, whole, and for its owner alone', async () => {
    const store = await open();
    const before = anInstance();
    await store.transaction((tx) => tx.instances.insert(before));
    const writes = Array.from({ length: 50 }, () => store.transaction((tx) => tx.instances.insert(anInstance())));
    await Promise.all([backUp(data, at('copy.db')), ...writes]);
    await store.close();
    expect(statSync(at('copy.db')).mode & 0o777).toBe(0o600);
    const copy = new DatabaseSync(at('copy.db'), { readOnly: true });
    expect(copy.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
    expect(copy.prepare('select id from instances where id = ?').get(before.id)).toEqual({ id: before.id });
    copy.close();
    expect(readdirSync(top).toSorted()).toEqual(['copy.db', 'data']);
  });

  test('overwrites nothing', async () => {
    await (await open()).close();
    writeFileSync(at('copy.db'), 'mine');
    await expect(backUp(data, at('copy.db'))).rejects.toMatchObject({ code: 'backup-exists' });
    expect(readFileSync(at('copy.db'), 'utf8')).toBe('mine');
  });

  test('goes into no file that somebody else has put in its way, and follows no link there', async () => {
    await (await open()).close();
    writeFileSync(at('precious'), 'mine');
    symlinkSync(at('precious'), at('copy.db.partial'));
    await backUp(data, at('copy.db'));
    expect(readFileSync(at('precious'), 'utf8')).toBe('mine');
    // One that another user made, and holds open, to read what is written into it.
    writeFileSync(at('second.db.partial'), '', { mode: 0o666 });
    const held = openSync(at('second.db.partial'), 'r');
    await backUp(data, at('second.db'));
    expect(fstatSync(held).size).toBe(0);
    closeSync(held);
    expect(lstatSync(at('second.db')).isFile()).toBe(true);
  });

  test('that finds no room says so, and leaves nothing', async () => {
    await (await open()).close();
    // A limit on the size of files stands for a full disk: it needs no root.
    const script = `trap '' XFSZ; ulimit -f 64; exec "$0" "$@"`;
    const argv = [
      process.execPath,
      '--no-warnings',
      MAIN,
      'backup',
      at('copy.db'),
      '--data',
      data,
      '--keys',
      at('keys'),
    ];
    const { status, stderr } = spawnSync('sh', ['-c', script, ...argv], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/could not be written: .* \[backup-unwritten\]\n$/);
    expect(readdirSync(top)).toEqual(['data']);
  });

  test('of nothing is refused', async () => {
    await expect(backUp(data, at('copy.db'))).rejects.toMatchObject({ code: 'database-missing' });
    expect(existsSync(at('copy.db'))).toBe(false);
  });
});

describe('a restore', () => {
  async function backedUp() {
    const store = await open();
    const instance = anInstance();
    const reset = aReset({ requestedAt: 1, notAfter: 9 });
    const task = aTask(reset, { instanceId: instance.id, state: 'pending' });
    await store.transaction(async (tx) => {
      await tx.instances.insert(instance);
      await tx.resets.insert(reset, []);
      await tx.tasks.insert([task]);
    });
    await backUp(data, at('copy.db'));
    const later = anInstance();
    await store.transaction((tx) => tx.instances.insert(later));
    await store.close();
    return { instance, later, task };
  }

  test('brings back what was, cancels what was open, and sets aside what is', async () => {
    const { instance, later, task } = await backedUp();
    const restored = await restore(data, at('copy.db'), NOW);
    expect(restored).toMatchObject({ cancelledTasks: 1, unknownTasks: 0 });
    expect(restored.setAside).toBe(join(data, `${DATABASE_FILE}.before-2026-11-23T00-00-00-000Z`));
    const store = await open();
    expect(await store.read.instances.get(instance.id)).not.toBeNull();
    expect(await store.read.instances.get(later.id)).toBeNull();
    expect(await store.read.tasks.get(task.id)).toMatchObject({ state: 'cancelled', code: 'cancelled-by-restore' });
    await store.close();
    const aside = new DatabaseSync(restored.setAside ?? '', { readOnly: true });
    expect(aside.prepare('select id from instances where id = ?').get(later.id)).toEqual({ id: later.id });
    aside.close();
  });

  test('into an empty directory works, and over a database that is damaged', async () => {
    const { instance } = await backedUp();
    rmSync(data, { recursive: true });
    expect(await restore(data, at('copy.db'), NOW)).toMatchObject({ setAside: null });
    writeFileSync(join(data, DATABASE_FILE), 'what a broken disk left');
    expect((await restore(data, at('copy.db'), NOW)).setAside).not.toBeNull();
    const store = await open();
    expect(await store.read.instances.get(instance.id)).not.toBeNull();
    await store.close();
  });

  test('while a server runs is refused, and changes nothing', async () => {
    await backedUp();
    const store = await open();
    await expect(restore(data, at('copy.db'), NOW)).rejects.toMatchObject({ code: 'database-busy' });
    await store.close();
    expect(readdirSync(data).filter((name) => name.includes('before') || name.includes('restoring'))).toEqual([]);
  });

  test.each([
    ['text', () => writeFileSync(at('bad.db'), 'no database')],
    [
      'a database of something else',
      () => {
        const other = new DatabaseSync(at('bad.db'));
        other.exec('create table recipes (name text)');
        other.close();
      },
    ],
    [
      'a backup with a page overwritten',
      () => {
        const bytes = readFileSync(at('copy.db'));
        bytes.fill(0xff, 8192, 12_288);
        writeFileSync(at('bad.db'), bytes);
      },
    ],
  ])('of %s is refused, and changes nothing', async (_what, make) => {
    const { later } = await backedUp();
    make();
    await expect(restore(data, at('bad.db'), NOW)).rejects.toMatchObject({ code: 'backup-invalid' });
    const store = await open();
    expect(await store.read.instances.get(later.id)).not.toBeNull();
    await store.close();
  });
});
