import { sql, type Insertable, type Kysely, type RawBuilder } from 'kysely';
import type { Tables } from '../rows.ts';

/** What the repositories ask of SQL beyond Kysely's builder; another database repeats this file. */

export type Db = Kysely<Tables>;

/**
 * A list for `in`, of any length and as one parameter: one prepared statement for all lengths, and no limit on their
 * number.
 */
export function listOf<T extends string>(values: readonly T[]): RawBuilder<T> {
  return sql<T>`(select "value" from json_each(${JSON.stringify(values)}))`;
}

/** A pattern for `like … escape '\'` that finds text anywhere. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, (char) => `\\${char}`)}%`;
}

/** Rows of one statement, so that statements of few sizes are prepared and none exceeds the limit of parameters. */
const ROWS_PER_STATEMENT = 100;

/** Inserts many rows in few statements. */
export async function insertMany<T extends keyof Tables>(
  db: Db,
  table: T,
  rows: readonly Insertable<Tables[T]>[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
    await db
      .insertInto(table)
      .values(rows.slice(at, at + ROWS_PER_STATEMENT))
      .execute();
  }
}
