import { sql, type SelectQueryBuilder } from 'kysely';
import * as z from 'zod';
import { AgentState, type InstanceId, type Tags } from '#protocol';
import { defineCursor, toPage } from '../cursor.ts';
import { instanceRows, type Tables } from '../rows.ts';
import type { InstanceChange, InstanceExpectation, InstanceFilter, InstanceRepository } from '../store.ts';
import { containing, insertMany, listOf, type Db } from './sql.ts';

const cursor = defineCursor('instances', z.tuple([z.string()]));

export function createInstanceRepository(db: Db): InstanceRepository {
  const all = () => db.selectFrom('instances').selectAll();
  const decodeOptional = (row: Tables['instances'] | undefined) =>
    row === undefined ? null : instanceRows.decode(row);

  return {
    get: async (id) => decodeOptional(await all().where('id', '=', id).executeTakeFirst()),
    async getPart(id, fields) {
      const row = await db.selectFrom('instances').select(fields).where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : instanceRows.decodePart(row, fields);
    },
    byName: async (name) => decodeOptional(await all().where('name', '=', name).executeTakeFirst()),
    byIdentity: async (identity) => decodeOptional(await all().where('identity', '=', identity).executeTakeFirst()),
    getMany: async (ids) => (await all().where('id', 'in', listOf(ids)).execute()).map(instanceRows.decode),
    byNames: async (names) => (await all().where('name', 'in', listOf(names)).execute()).map(instanceRows.decode),

    async list(filter, page) {
      let query = filtered(all(), filter);
      if (page.after !== null) query = query.where(sql`name`, '>', cursor.decode(page.after)[0]);
      const rows = await query
        .orderBy('name')
        .limit(page.limit + 1)
        .execute();
      return toPage(rows.map(instanceRows.decode), page.limit, ({ name }) => cursor.encode([name]));
    },

    async countsByState() {
      const rows = await db
        .selectFrom('instances')
        .select(({ fn }) => ['agentState', fn.countAll<number>().as('count')])
        .groupBy('agentState')
        .execute();
      const counts = Object.fromEntries(AgentState.options.map((state) => [state, 0])) as Record<AgentState, number>;
      for (const row of rows) counts[row.agentState] = row.count;
      return counts;
    },

    async markAllDisconnected() {
      await db
        .updateTable('instances')
        .set({ agentState: 'offline', connectedSince: null })
        .where('agentState', 'in', ['running', 'abnormal'])
        .where('fencedAt', 'is', null)
        .execute();
    },

    async insert(instance) {
      await db.insertInto('instances').values(instanceRows.encode(instance)).execute();
      await insertTags(db, instance.id, instance.tags);
    },

    async update(id, change) {
      const columns = instanceRows.encodeChange(change);
      if (Object.keys(columns).length === 0) return;
      const result = await db.updateTable('instances').set(columns).where('id', '=', id).executeTakeFirst();
      if (result.numUpdatedRows > 0n) await replaceTags(db, id, change.tags);
    },

    updateIf: (id, expected, change) => updateIf(db, id, expected, change),

    async delete(id) {
      await db.deleteFrom('instances').where('id', '=', id).execute();
    },
  };
}

async function updateIf(
  db: Db,
  id: InstanceId,
  expected: InstanceExpectation,
  change: InstanceChange,
): Promise<boolean> {
  const result = await db
    .updateTable('instances')
    .set(instanceRows.encodeChange(change))
    .where('id', '=', id)
    // `is` compares nulls, too.
    .where('identity', 'is', expected.identity)
    .where('continuityCurrent', 'is', expected.continuityCurrent)
    .where('continuityPrevious', 'is', expected.continuityPrevious)
    .where('fencedAt', 'is', expected.fencedAt)
    .executeTakeFirst();
  if (result.numUpdatedRows === 0n) return false;
  await replaceTags(db, id, change.tags);
  return true;
}

async function replaceTags(db: Db, id: InstanceId, tags: Tags | undefined): Promise<void> {
  if (tags === undefined) return;
  await db.deleteFrom('instanceTags').where('instanceId', '=', id).execute();
  await insertTags(db, id, tags);
}

async function insertTags(db: Db, instanceId: InstanceId, tags: Tags): Promise<void> {
  const rows = Object.entries(tags).map(([key, value]) => ({ instanceId, key, value }));
  await insertMany(db, 'instanceTags', rows);
}

type Instances = SelectQueryBuilder<Tables, 'instances', Tables['instances']>;

function filtered(all: Instances, filter: InstanceFilter): Instances {
  let query = all;
  const { name, projects, os, state, search } = filter;
  if (name !== undefined) {
    query = query.where((where) => where.or([where(sql`name`, '=', name), where(sql`id`, '=', name)]));
  }
  if (projects !== undefined) query = query.where('project', 'in', listOf(projects));
  if (os !== undefined) query = query.where('os', '=', os);
  if (state !== undefined) query = query.where('agentState', '=', state);
  if (search !== undefined) {
    // Names are lower-case, so this ignores case.
    query = query.where(sql<boolean>`name like ${containing(search.toLowerCase())} escape '\\'`);
  }
  for (const tag of filter.tags ?? []) {
    query = query.where('id', 'in', (where) =>
      where.selectFrom('instanceTags').select('instanceId').where('key', '=', tag.key).where('value', '=', tag.value),
    );
  }
  return query;
}
