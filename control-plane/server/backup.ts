import { closeSync, existsSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { DATABASE_FILE } from './data-directory.ts';
import { afterRestore } from './maintenance.ts';
import { giveToOwnerOf } from './ownership.ts';
import type { RestoreCleanup } from './service/restore.ts';
import { StoreError } from './store/errors.ts';
import { lockDatabase } from './store/sqlite-store.ts';

/** What SQLite keeps beside a database; it belongs to that one and to no other. */
const COMPANIONS = ['-wal', '-shm'];

/**
 * Copies the database into a file of its own (0600), as it is at one moment, also while a server runs on it. The keys
 * are not in it. It holds passwords that are under way, sealed to their instances. Rejects with `StoreError`
 * `database-missing`, `backup-exists` and `backup-unwritten`.
 */
export async function backUp(dataDir: string, file: string): Promise<void> {
  const path = join(dataDir, DATABASE_FILE);
  if (!existsSync(path)) throw missing(path, 'name the directory with --data or --config');
  if (existsSync(file)) throw new StoreError('backup-exists', `"${file}" is there already; name another file`);
  const partial = `${file}.partial`;
  // Made before SQLite opens it, so that nobody else can read it at any moment. What is in its way, from a run that was
  // killed or by somebody who can write there, is taken away: it may be a link, or a file that he holds open.
  removeWhole(partial);
  closeSync(openSync(partial, 'wx', 0o600));
  const source = new DatabaseSync(path, { readOnly: true });
  try {
    await backup(source, partial);
    standAlone(partial);
    flush(partial);
    renameSync(partial, file);
    flush(dirname(file));
  } catch (error) {
    throw isOfSqlite(error) ? unwritten(file, error) : error;
  } finally {
    source.close();
    removeWhole(partial);
  }
}

/** SQLite says a full disk in several ways, "disk I/O error" among them. */
function unwritten(file: string, cause: Error): StoreError {
  const message = `"${file}" could not be written: ${cause.message}; is its disk full? Nothing was left there`;
  return new StoreError('backup-unwritten', message, { cause });
}

function isOfSqlite(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}

/** A database that nobody is to use, with what SQLite keeps beside it. */
function removeWhole(path: string): void {
  for (const name of ['', ...COMPANIONS]) rmSync(path + name, { force: true });
}

export interface Restored extends RestoreCleanup {
  /** Where the database that was there before lies now; null when there was none. */
  readonly setAside: string | null;
}

/**
 * Puts a backup in the place of the database, for a server that is stopped, and makes it fit to be served. What was
 * there is set aside. Rejects with `StoreError` `database-missing`, `backup-invalid` and `database-busy`, and then
 * nothing was changed.
 */
export async function restore(dataDir: string, file: string, now: number): Promise<Restored> {
  if (!existsSync(file)) throw missing(file, 'check the path of the backup');
  const path = join(dataDir, DATABASE_FILE);
  const staged = `${path}.restoring`;
  let setAside: string | null = null;
  const unlock = lockDatabase(path);
  try {
    await stage(file, path, staged);
    setAside = existsSync(path) ? putAside(path, now) : null;
    renameSync(staged, path);
    flush(dataDir);
  } finally {
    rmSync(staged, { force: true });
    unlock();
  }
  return { ...(await afterRestore({ dataDir })), setAside };
}

/** A copy beside the place where it belongs, once it was found to be whole. */
async function stage(file: string, path: string, staged: string): Promise<void> {
  const invalid = (why: string, cause?: unknown) =>
    new StoreError('backup-invalid', `"${file}" is no backup of a Latchkey database: ${why}; nothing was changed`, {
      cause,
    });
  let source: DatabaseSync | null = null;
  try {
    source = new DatabaseSync(file, { readOnly: true });
    const verdict = source.prepare('pragma integrity_check').get()?.['integrity_check'];
    if (verdict !== 'ok') throw invalid('it is damaged');
    const known = source.prepare("select 1 from sqlite_master where type = 'table' and name = 'instances'").get();
    if (known === undefined) throw invalid('it holds something else');
    makeStaged(staged, existsSync(path) ? path : dirname(path));
    await backup(source, staged);
    flush(staged);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw invalid('SQLite cannot read it', error);
  } finally {
    source?.close();
  }
}

/** Empty, and nobody's but of him whose `owned` is: the server's, also where root restores. */
function makeStaged(path: string, owned: string): void {
  // What a run that was killed has left, or a link.
  removeWhole(path);
  const file = openSync(path, 'wx', 0o600);
  try {
    fchmodSync(file, 0o600);
    giveToOwnerOf(owned, file);
  } finally {
    closeSync(file);
  }
}

function putAside(path: string, now: number): string {
  const setAside = `${path}.before-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const companion of COMPANIONS) {
    if (existsSync(path + companion)) renameSync(path + companion, setAside + companion);
  }
  renameSync(path, setAside);
  return setAside;
}

/** Without the log that SQLite would keep beside it: a backup is one file, also once somebody has looked into it. */
function standAlone(path: string): void {
  const copy = new DatabaseSync(path);
  copy.exec('pragma journal_mode = delete');
  copy.close();
}

function flush(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function missing(path: string, remedy: string): StoreError {
  return new StoreError('database-missing', `there is no database at ${path}; ${remedy}`);
}
