import type { Kysely } from 'kysely';

/** Sign-ins of browsers. They end with the token that they were exchanged for. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('consoleSessions')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tokenId', 'text', (column) => column.notNull())
    .addColumn('secretDigest', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('lastUsedAt', 'bigint', (column) => column.notNull())
    .addColumn('revokedAt', 'bigint')
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('browser', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('consoleSessionsByAge').on('consoleSessions').columns(['createdAt', 'id']).execute();
  await db.schema.createIndex('consoleSessionsOfToken').on('consoleSessions').columns(['tokenId']).execute();
  await indexOverview(db);
}

/** What the overview counts, and what it says of each instance. */
async function indexOverview(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('tasksByEnd').on('tasks').columns(['updatedAt', 'state']).execute();
  await db.schema
    .createIndex('tasksOfInstanceByAge')
    .on('tasks')
    .columns(['instanceId', 'requestedAt', 'id'])
    .execute();
}
