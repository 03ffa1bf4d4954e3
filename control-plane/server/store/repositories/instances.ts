import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import * as z from 'zod';
import { AgentState, type InstanceId, type InstanceSort, type Tags } from '#protocol';
import { defineCursor } from '../cursor.ts';
import { instanceRows, type Tables } from '../rows.ts';
import type {
  InstanceChange,
  InstanceExpectation,
  InstanceFilter,
  InstanceOrder,
  InstanceRepository,
} from '../store.ts';
import { containing, insertMany, listOf, type Db } from './sql.ts';

const BY_NAME: InstanceOrder = { by: 'name', descending: false };

/** What each order compares. Never null, which compares with nothing. */
const KEYS: Record<InstanceSort, RawBuilder<string | number>> = {
  name: sql`name`,
  // Those that need somebody first.
  state: sql`case "agentState" when 'abnormal' then 0 when 'install-failed' then 1 when 'offline' then 2
    when 'installing' then 3 when 'not-installed' then 4 else 5 end`,
  os: sql`os`,
  project: sql`project`,
  version: sql`coalesce("agentVersion", '')`,
  lastSeenAt: sql`coalesce("lastSeenAt", 0)`,
  createdAt: sql`"createdAt"`,
};

/** A cursor is of one order: in another, its place means nothing. */
function cursorOf({ by, descending }: InstanceOrder) {
  const key = z.tuple([z.union([z.string(), z.number()]), z.string()]);
  return defineCursor(`instances ${by} ${descending ? 'desc' : 'asc'}`, key);
}

export function createInstanceRepository(db: Db): InstanceRepository {
  const all = () => db.selectFrom('instances').selectAll();
  const decodeOptional = (row: Tables['instances'] | undefined) =>
    row === undefined ? null : instanceRows.decode(row);

  return {
    ...instanceCounts(db),
    get: async (id) => decodeOptional(await all().where('id', '=', id).executeTakeFirst()),
    async getPart(id, fields) {
      const row = await db.selectFrom('instances').select(fields).where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : instanceRows.decodePart(row, fields);
    },
    byName: async (name) => decodeOptional(await all().where('name', '=', name).executeTakeFirst()),
    byIdentity: async (identity) => decodeOptional(await all().where('identity', '=', identity).executeTakeFirst()),
    async getParts(ids, fields) {
      const rows = await db.selectFrom('instances').select(fields).where('id', 'in', listOf(ids)).execute();
      return rows.map((row) => instanceRows.decodePart(row, fields));
    },
    getMany: async (ids) => (await all().where('id', 'in', listOf(ids)).execute()).map(instanceRows.decode),
    byNames: async (names) => (await all().where('name', 'in', listOf(names)).execute()).map(instanceRows.decode),

    async list(filter, page, order = BY_NAME) {
      const key = KEYS[order.by];
      const direction = order.descending ? 'desc' : 'asc';
      const place = cursorOf(order);
      let query = filtered(all(), filter);
      if (page.after !== null) {
        const [value, name] = place.decode(page.after);
        const side = sql.raw(order.descending ? '<' : '>');
        query = query.where(sql<boolean>`(${key}, name) ${side} (${value}, ${name})`);
      }
      const rows = await query
        .select(key.as('sortedBy'))
        .orderBy(key, direction)
        .orderBy('name', direction)
        .limit(page.limit + 1)
        .execute();
      const last = rows.at(page.limit - 1);
      const next = rows.length > page.limit && last !== undefined ? place.encode([last.sortedBy, last.name]) : null;
      return { rows: rows.slice(0, page.limit).map(({ sortedBy: _, ...row }) => instanceRows.decode(row)), next };
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

function instanceCounts(db: Db): Pick<InstanceRepository, 'count' | 'countsByVersion' | 'countsByState'> {
  return {
    async count(filter) {
      const counted = db.selectFrom('instances').select(({ fn }) => fn.countAll<number>().as('count'));
      const { count } = await filtered(counted, filter).executeTakeFirstOrThrow();
      return count;
    },

    async countsByVersion(projects) {
      let query = db
        .selectFrom('instances')
        .select(({ fn }) => ['agentVersion', fn.countAll<number>().as('count')] as const)
        .groupBy('agentVersion');
      if (projects !== null) query = query.where('project', 'in', listOf(projects));
      const rows = await query.orderBy('count', 'desc').orderBy('agentVersion').execute();
      return rows.map(({ agentVersion, count }) => ({ version: agentVersion, count }));
    },

    async countsByState(projects = null) {
      let query = db
        .selectFrom('instances')
        .select(({ fn }) => ['agentState', fn.countAll<number>().as('count')] as const)
        .groupBy('agentState');
      if (projects !== null) query = query.where('project', 'in', listOf(projects));
      const rows = await query.execute();
      const counts = Object.fromEntries(AgentState.options.map((state) => [state, 0])) as Record<AgentState, number>;
      for (const row of rows) counts[row.agentState] = row.count;
      return counts;
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

function filtered<O>(
  all: SelectQueryBuilder<Tables, 'instances', O>,
  filter: InstanceFilter,
): SelectQueryBuilder<Tables, 'instances', O> {
  let query = all;
  const { name, projects, os, state, search, version } = filter;
  if (name !== undefined) {
    query = query.where((where) => where.or([where(sql`name`, '=', name), where(sql`id`, '=', name)]));
  }
  if (projects !== undefined) query = query.where('project', 'in', listOf(projects));
  if (os !== undefined) query = query.where('os', '=', os);
  if (state !== undefined) query = query.where('agentState', '=', state);
  if (version !== undefined) query = query.where('agentVersion', '=', version);
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
