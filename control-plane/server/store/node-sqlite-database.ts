import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** Statements that are kept prepared; the least recently used goes first. More than all that the repositories use. */
const STATEMENTS_MAX = 300;

/**
 * `node:sqlite` as Kysely's SqliteDialect wants it, with a cache of prepared statements. `beforeQuery` is called before
 * each statement of Kysely's and may throw to refuse it.
 */
export function nodeSqliteDatabase(database: DatabaseSync, beforeQuery: () => void = () => undefined): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    prepare(sql) {
      beforeQuery();
      const known = prepared.get(sql);
      const statement = known ?? toKysely(database.prepare(sql));
      if (known !== undefined) prepared.delete(sql);
      else if (prepared.size >= STATEMENTS_MAX) forgetOldest(prepared);
      // A map keeps the order of insertion: last in, most recently used.
      prepared.set(sql, statement);
      return statement;
    },
    close: () => database.close(),
  };
}

function forgetOldest(prepared: Map<string, SqliteStatement>): void {
  const oldest = prepared.keys().next();
  if (oldest.done !== true) prepared.delete(oldest.value);
}

function toKysely(statement: StatementSync): SqliteStatement {
  return {
    // Also true of INSERT … RETURNING, which Kysely must read like a query.
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
