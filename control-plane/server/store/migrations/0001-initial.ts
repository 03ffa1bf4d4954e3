import type { Kysely } from 'kysely';

/**
 * The first schema. Columns have the names of the record's fields; times are milliseconds since the epoch; JSON is text;
 * flags are 0 or 1. Nothing refers to `instances` by a foreign key but what ends with them: the history of resets and
 * the audit outlive an instance.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createInstances(db);
  await createAccess(db);
  await createResets(db);
  await createTasks(db);
  await createAudit(db);
}

async function createInstances(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('instances')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('os', 'text', (column) => column.notNull())
    .addColumn('project', 'text', (column) => column.notNull())
    .addColumn('tags', 'text', (column) => column.notNull())
    .addColumn('power', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('identityKey', 'text')
    .addColumn('identity', 'text', (column) => column.unique())
    .addColumn('sealingKey', 'text')
    .addColumn('continuityCurrent', 'text')
    .addColumn('continuityPrevious', 'text')
    .addColumn('fencedAt', 'bigint')
    .addColumn('agentState', 'text', (column) => column.notNull())
    .addColumn('agentVersion', 'text')
    .addColumn('facts', 'text')
    .addColumn('components', 'text', (column) => column.notNull())
    .addColumn('reasons', 'text', (column) => column.notNull())
    .addColumn('connectedSince', 'bigint')
    .addColumn('lastSeenAt', 'bigint')
    .execute();
  await db.schema.createIndex('instancesByState').on('instances').column('agentState').execute();

  await db.schema
    .createTable('instanceTags')
    .addColumn('instanceId', 'text', (column) => column.notNull().references('instances.id').onDelete('cascade'))
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('instanceTagsKey', ['instanceId', 'key'])
    .execute();
  await db.schema.createIndex('instanceTagsByValue').on('instanceTags').columns(['key', 'value']).execute();

  // Deleted with the instance, since an id is never given again.
  await db.schema
    .createTable('generations')
    .addColumn('instanceId', 'text', (column) => column.notNull().references('instances.id').onDelete('cascade'))
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('generationsKey', ['instanceId', 'account'])
    .execute();
}

async function createAccess(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('projects')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('serviceEnabled', 'integer', (column) => column.notNull())
    .addColumn('statementVersion', 'integer')
    .addColumn('enabledBy', 'text')
    .addColumn('enabledAt', 'bigint')
    .execute();

  await db.schema
    .createTable('tokens')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('secretDigest', 'text', (column) => column.notNull())
    .addColumn('role', 'text')
    .addColumn('projects', 'text')
    .addColumn('accounts', 'text')
    .addColumn('privileged', 'integer', (column) => column.notNull())
    .addColumn('instanceId', 'text')
    .addColumn('reEnrol', 'integer', (column) => column.notNull())
    .addColumn('usesLeft', 'integer')
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('createdBy', 'text', (column) => column.notNull())
    .addColumn('expiresAt', 'bigint')
    .addColumn('revokedAt', 'bigint')
    .addColumn('lastUsedAt', 'bigint')
    .execute();
  await db.schema.createIndex('tokensByAge').on('tokens').columns(['createdAt', 'id']).execute();
}

async function createResets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('resets')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('mode', 'text', (column) => column.notNull())
    .addColumn('account', 'text')
    .addColumn('options', 'text', (column) => column.notNull())
    .addColumn('supersede', 'integer', (column) => column.notNull())
    .addColumn('tokenId', 'text', (column) => column.notNull())
    .addColumn('requestedBy', 'text', (column) => column.notNull())
    .addColumn('plannedAt', 'bigint', (column) => column.notNull())
    .addColumn('planExpiresAt', 'bigint', (column) => column.notNull())
    .addColumn('requestedAt', 'bigint')
    .addColumn('notAfter', 'bigint')
    .addColumn('finishedAt', 'bigint')
    .execute();
  // Serves the listing of started resets, and by its null entries the search for plans that were left lying.
  await db.schema.createIndex('resetsByRequest').on('resets').columns(['requestedAt', 'id', 'planExpiresAt']).execute();

  await db.schema
    .createTable('plannedTargets')
    .addColumn('resetId', 'text', (column) => column.notNull().references('resets.id').onDelete('cascade'))
    .addColumn('instanceId', 'text', (column) => column.notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('identity', 'text')
    .addColumn('keyId', 'text')
    .addColumn('blocked', 'text')
    .addColumn('sealed', 'text')
    .addPrimaryKeyConstraint('plannedTargetsKey', ['resetId', 'instanceId'])
    .execute();
}

async function createTasks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tasks')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('resetId', 'text', (column) => column.notNull().references('resets.id'))
    .addColumn('instanceId', 'text', (column) => column.notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('mode', 'text', (column) => column.notNull())
    .addColumn('options', 'text', (column) => column.notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('sealed', 'text')
    .addColumn('sealedDigest', 'text')
    .addColumn('notAfter', 'bigint', (column) => column.notNull())
    .addColumn('requestedAt', 'bigint', (column) => column.notNull())
    .addColumn('dispatchedAt', 'bigint')
    .addColumn('code', 'text')
    .addColumn('detail', 'text')
    .addColumn('verifiedBy', 'text')
    .addColumn('warnings', 'text', (column) => column.notNull())
    .addColumn('appliedMs', 'double precision')
    .addColumn('verifiedMs', 'double precision')
    .addColumn('result', 'text')
    .addColumn('updatedAt', 'bigint', (column) => column.notNull())
    .execute();
  // The first serves the pages of a reset, the second its counts, which are asked for after every change of a task.
  await db.schema.createIndex('tasksOfReset').on('tasks').columns(['resetId', 'id']).execute();
  await db.schema.createIndex('tasksOfResetByState').on('tasks').columns(['resetId', 'state']).execute();
  await db.schema.createIndex('tasksOfInstance').on('tasks').columns(['instanceId', 'state']).execute();
  await db.schema.createIndex('tasksByState').on('tasks').columns(['state', 'notAfter']).execute();
}

async function createAudit(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('audit')
    .addColumn('sequence', 'integer', (column) => column.primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('resource', 'text', (column) => column.notNull())
    .addColumn('decision', 'text')
    .addColumn('rule', 'text')
    .addColumn('code', 'text')
    .addColumn('detail', 'text', (column) => column.notNull())
    .addColumn('refusalKey', 'text', (column) => column.unique())
    .addColumn('refusals', 'integer')
    .execute();
  await db.schema.createIndex('auditByResource').on('audit').columns(['resource', 'sequence']).execute();
  await db.schema.createIndex('auditByAction').on('audit').columns(['action', 'sequence']).execute();
  await db.schema.createIndex('auditByActor').on('audit').columns(['actor', 'sequence']).execute();
}
