import type { Kysely } from 'kysely';
import { StoreError } from '../errors.ts';
import type { Tables } from '../rows.ts';
import { up as initial } from './0001-initial.ts';
import { up as batches } from './0003-batches.ts';
import { up as consoleSessions } from './0005-console-sessions.ts';
import { up as retention } from './0004-retention.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly up: (db: Kysely<unknown>) => Promise<void>;
}

/**
 * Forward only, and never edited once released: a correction is another migration. Numbers rise. There is no 2, and
 * never will be: a database that has 3 would get it out of order.
 */
const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'initial', up: initial },
  { number: 3, name: 'batches', up: batches },
  { number: 5, name: 'console-sessions', up: consoleSessions },
  { number: 4, name: 'retention', up: retention },
];

/**
 * Brings the database to this version's schema; the caller's transaction makes it all or nothing. Throws `StoreError`
 * `database-newer` for one that a newer version has migrated, which this one must not touch.
 */
export async function migrate(db: Kysely<Tables>, now: number): Promise<void> {
  await db.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('number', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('appliedAt', 'bigint', (column) => column.notNull())
    .execute();
  const applied = await db.selectFrom('migrations').select(['number', 'name']).orderBy('number').execute();
  const unknown = applied.find(({ number }) => !MIGRATIONS.some((migration) => migration.number === number));
  if (unknown !== undefined) {
    throw new StoreError(
      'database-newer',
      `The database holds migration ${unknown.number} ("${unknown.name}"), which this version does not know. ` +
        'Start the version that wrote it or a newer one, or restore a backup made before the upgrade.',
    );
  }
  for (const migration of MIGRATIONS) {
    if (applied.some(({ number }) => number === migration.number)) continue;
    await migration.up(db as unknown as Kysely<unknown>);
    const { number, name } = migration;
    await db.insertInto('migrations').values({ number, name, appliedAt: now }).execute();
  }
}
