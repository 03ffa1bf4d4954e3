import type { Kysely } from 'kysely';

/** How fast a reset goes, when it stops, whether it is held, and which one it retries. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Those that are under way go on with what is the default today.
  await db.schema
    .alterTable('resets')
    .addColumn('concurrency', 'integer', (column) => column.notNull().defaultTo(50))
    .execute();
  await db.schema.alterTable('resets').addColumn('stopAfterFailures', 'integer').execute();
  await db.schema.alterTable('resets').addColumn('retryOf', 'text').execute();
  await db.schema.alterTable('resets').addColumn('pausedAt', 'bigint').execute();
  await db.schema.alterTable('resets').addColumn('stoppedAt', 'bigint').execute();
  await db.schema.createIndex('resetsOpen').on('resets').columns(['finishedAt', 'id']).execute();
  await db.schema.createIndex('retriesOfReset').on('resets').columns(['retryOf', 'requestedAt', 'id']).execute();
  // Whose turn it is next is asked for again and again: without the id in it, each time would sort what still waits.
  await db.schema.createIndex('tasksOfResetInTurn').on('tasks').columns(['resetId', 'state', 'id']).execute();
  await db.schema.dropIndex('tasksOfResetByState').execute();
}
