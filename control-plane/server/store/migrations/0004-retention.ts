import type { Kysely } from 'kysely';

/** What is past its time is looked for every hour, and must not cost a look at the whole audit. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('auditByTime').on('audit').columns(['at', 'sequence']).execute();
}
