import { closeSync, existsSync, fchmodSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Kysely, SqliteDialect } from 'kysely';
import { giveToOwnerOf } from '../ownership.ts';
import { createCompany } from './company.ts';
import { StoreError } from './errors.ts';
import { createGroupCommit, type GroupCommit, type TransactionControl } from './group-commit.ts';
import { migrate } from './migrations/migrate.ts';
import { nodeSqliteDatabase } from './node-sqlite-database.ts';
import { createRepositories, mapCalls } from './repositories/repositories.ts';
import type { Tables } from './rows.ts';
import type { Store } from './store.ts';

export interface SqliteStoreOptions {
  /** A file, created with mode 0600 in a directory of mode 0700; or `:memory:`, gone when it is closed. */
  readonly path: string;
  /** For `:memory:` only: what `snapshot()` of any SQLite store gave, to start from. */
  readonly snapshot?: Uint8Array;
  /** Called after each commit with the number of transactions that shared it. Must not throw. */
  readonly onCommit?: (transactions: number) => void;
  /** Wall clock for the record of migrations, milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface SqliteStore extends Store {
  /** The whole database as the bytes of a SQLite file, as of the last commit. */
  snapshot(): Promise<Uint8Array>;
}

/** How long a command waits for another process that holds the database (a backup tool, a shell). It blocks. */
const BUSY_MS_MAX = 1_000;
const MEMORY = ':memory:';

/**
 * The store in one SQLite database.
 *
 * In a file, one connection writes and another reads, so that `read` sees what was committed and nothing else. In
 * memory there is one connection, and reads take their turn between groups of transactions. Transactions in a file
 * wait for the end of the event loop's turn, so that all that this turn brings shares one fsync, and in a crowd for a
 * little longer (`company.ts`); those in memory wait for nothing but promises.
 *
 * Throws `StoreError` `database-newer` and `database-busy`.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const inMemory = options.path === MEMORY;
  const lock = inMemory ? null : openLock(options.path);
  const database = openDatabase(options.path, lock);
  try {
    if (options.snapshot !== undefined) database.deserialize(options.snapshot);
    configure(database);
    const company = createCompany({ turn: () => setImmediate(undefined), wait: (ms) => setTimeout(ms) });
    let commitMs = 0;
    const group = createGroupCommit({
      control: transactionControl(database, (tookMs) => (commitMs = tookMs)),
      gather: inMemory ? () => Promise.resolve() : () => company.gather(),
      onCommit: (transactions) => {
        company.committed(transactions, commitMs);
        options.onCommit?.(transactions);
      },
    });
    await migrateInTransaction(database, (options.now ?? Date.now)());
    return assemble(options, database, group, lock);
  } catch (error) {
    closeAll(database, lock);
    throw error;
  }
}

function assemble(
  options: SqliteStoreOptions,
  database: DatabaseSync,
  group: GroupCommit,
  lock: DatabaseSync | null,
): SqliteStore {
  const tx = createRepositories(kyselyOver(database, () => group.assertInside()));
  const inMemory = options.path === MEMORY;
  const reader = inMemory ? null : new DatabaseSync(options.path, { timeout: BUSY_MS_MAX, readOnly: true });
  const read =
    reader === null
      ? mapCalls(tx, (call) => group.exclusive(call))
      : mapCalls(createRepositories(kyselyOver(reader)), async (call) => {
          group.assertOutside();
          return call();
        });
  return {
    read,
    transaction: (work) => group.transaction(async () => work(tx)),
    scrub: () => group.exclusive(async () => truncateLog(database)),
    snapshot: () => group.exclusive(async () => serialize(database)),
    async close() {
      await group.close();
      closeAll(reader, database, lock);
    },
  };
}

function kyselyOver(database: DatabaseSync, beforeQuery?: () => void): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqliteDatabase(database, beforeQuery) }) });
}

function openDatabase(path: string, lock: DatabaseSync | null): DatabaseSync {
  try {
    if (path !== MEMORY) createDatabaseFile(path);
    return new DatabaseSync(path, { timeout: BUSY_MS_MAX });
  } catch (error) {
    closeAll(lock);
    throw error;
  }
}

/**
 * Keeps every control plane away from the database at `path`, which need not be there. Returns what ends that. Throws
 * `StoreError` `database-busy`.
 */
export function lockDatabase(path: string): () => void {
  const lock = openLock(path);
  return () => {
    closeAll(lock);
  };
}

/**
 * Keeps a second control plane away, which would take every session of the first for lost. The lock is one of SQLite's,
 * on an empty database beside the real one, so that the system releases it however this process ends.
 */
function openLock(path: string): DatabaseSync {
  createDatabaseFile(`${path}.lock`);
  const lock = new DatabaseSync(`${path}.lock`);
  try {
    lock.exec('begin exclusive');
    return lock;
  } catch (cause) {
    lock.close();
    const remedy = 'Stop the server, or what else has it, or use another directory.';
    throw new StoreError('database-busy', `Another process has opened "${path}". ${remedy}`, { cause });
  }
}

function closeAll(...connections: readonly (DatabaseSync | null)[]): void {
  for (const connection of connections) if (connection?.isOpen === true) connection.close();
}

function createDatabaseFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite gives its log and its index the mode of the database.
  const isNew = !existsSync(path);
  const file = openSync(path, 'a', 0o600);
  try {
    fchmodSync(file, 0o600);
    if (isNew) giveToOwnerOf(dirname(path), file);
  } finally {
    closeSync(file);
  }
}

function configure(database: DatabaseSync): void {
  database.exec('pragma journal_mode = wal');
  // A commit returns once the log is on the disk.
  database.exec('pragma synchronous = full');
  database.exec('pragma foreign_keys = on');
  // What is deleted is overwritten with zeros.
  database.exec('pragma secure_delete = on');
  // Sorting leaves no temporary files behind, in which sealed passwords could stand.
  database.exec('pragma temp_store = memory');
}

function transactionControl(database: DatabaseSync, onCommitted: (tookMs: number) => void): TransactionControl {
  /** Prepared once: they are run for every transaction. */
  const command = (text: string) => {
    const statement = database.prepare(text);
    return () => {
      statement.run();
    };
  };
  const commit = command('commit');
  return {
    begin: command('begin immediate'),
    commit: () => {
      const startedMs = performance.now();
      commit();
      onCommitted(performance.now() - startedMs);
    },
    rollback: command('rollback'),
    savepoint: command('savepoint one'),
    releaseSavepoint: command('release one'),
    rollbackToSavepoint: command('rollback to one'),
    isOpen: () => database.isTransaction,
  };
}

async function migrateInTransaction(database: DatabaseSync, now: number): Promise<void> {
  database.exec('begin immediate');
  try {
    await migrate(kyselyOver(database), now);
    database.exec('commit');
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    throw error;
  }
}

/** Moves the log into the database, which overwrites what it replaces, and empties it. */
function truncateLog(database: DatabaseSync): void {
  const result = database.prepare('pragma wal_checkpoint(truncate)').get();
  if (result?.['busy'] === 1) {
    throw new StoreError(
      'database-busy',
      'The write-ahead log could not be emptied because another process reads the database. End that process.',
    );
  }
}

function serialize(database: DatabaseSync): Uint8Array {
  const bytes = database.serialize();
  // Bytes 18 and 19 of the header say whether there is a log beside the file; here is none, all is in the bytes.
  bytes[18] = 1;
  bytes[19] = 1;
  return bytes;
}
