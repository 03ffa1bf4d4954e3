import { sql } from 'kysely';
import * as z from 'zod';
import { TASK_COUNTS_AS, TaskId, TaskState, type ResetCounts } from '#protocol';
import { UNAPPLIED_STATES, UNFINISHED_STATES } from '../../domain/task.ts';
import { defineCursor, toPage } from '../cursor.ts';
import { taskRows } from '../rows.ts';
import type { TaskRepository } from '../store.ts';
import { insertMany, listOf, type Db } from './sql.ts';

const DAY_MS = 24 * 3_600_000;
const cursor = defineCursor('tasks', z.tuple([TaskId]));

export function createTaskRepository(db: Db): TaskRepository {
  const all = () => db.selectFrom('tasks').selectAll();
  return { ...taskReads(db), ...overviewReads(db), ...batchReads(db), ...taskWrites(db), get, getMany };

  async function get(id: TaskId) {
    const row = await all().where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : taskRows.decode(row);
  }

  async function getMany(ids: readonly TaskId[]) {
    return (await all().where('id', 'in', listOf(ids)).execute()).map(taskRows.decode);
  }
}

function taskReads(
  db: Db,
): Pick<TaskRepository, 'ofReset' | 'counts' | 'hasUnfinished' | 'unfinishedOf' | 'countsByState'> {
  const all = () => db.selectFrom('tasks').selectAll();
  const countAll = () =>
    db.selectFrom('tasks').select(({ fn }) => ['state', fn.countAll<number>().as('count')] as const);

  return {
    async ofReset(id, { state }, page) {
      let query = all().where('resetId', '=', id);
      if (state !== undefined) query = query.where('state', '=', state);
      if (page.after !== null) query = query.where('id', '>', cursor.decode(page.after)[0]);
      const rows = await query
        .orderBy('id')
        .limit(page.limit + 1)
        .execute();
      return toPage(rows.map(taskRows.decode), page.limit, (last) => cursor.encode([last.id]));
    },

    async counts(id) {
      return summarise(await countAll().where('resetId', '=', id).groupBy('state').execute());
    },

    async hasUnfinished(id) {
      const row = await db
        .selectFrom('tasks')
        .select('id')
        .where('resetId', '=', id)
        .where('state', 'in', UNFINISHED_STATES)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    async unfinishedOf(ids) {
      const rows = await all()
        .where('instanceId', 'in', listOf(ids))
        .where('state', 'in', UNFINISHED_STATES)
        .orderBy('generation')
        .execute();
      return rows.map(taskRows.decode);
    },

    async countsByState() {
      const counts = Object.fromEntries(TaskState.options.map((state) => [state, 0])) as Record<TaskState, number>;
      for (const { state, count } of await countAll().groupBy('state').execute()) counts[state] = count;
      return counts;
    },
  };
}

/** What serves those who look at everything at once. */
function overviewReads(db: Db): Pick<TaskRepository, 'newestOf' | 'endedByDay'> {
  return {
    async newestOf(ids) {
      const rows = await db
        .selectFrom('tasks')
        .selectAll()
        .where('id', 'in', (where) =>
          where
            .selectFrom((numbered) =>
              numbered
                .selectFrom('tasks')
                .select([
                  'id',
                  sql<number>`row_number() over (partition by "instanceId" order by "requestedAt" desc, id desc)`.as(
                    'place',
                  ),
                ])
                .where('instanceId', 'in', listOf(ids))
                .as('numbered'),
            )
            .select('id')
            .where('place', '=', 1),
        )
        .execute();
      return rows.map(taskRows.decode);
    },

    async endedByDay(since, projects) {
      const day = sql<number>`"updatedAt" / ${sql.lit(DAY_MS)}`;
      let query = db
        .selectFrom('tasks')
        .select(({ fn }) => [day.as('day'), 'state', fn.countAll<number>().as('count')] as const)
        .where('state', 'not in', UNFINISHED_STATES)
        .where('updatedAt', '>=', since);
      if (projects !== null) {
        query = query.where('instanceId', 'in', (where) =>
          where.selectFrom('instances').select('instances.id').where('project', 'in', listOf(projects)),
        );
      }
      return query.groupBy(['day', 'state']).execute();
    },
  };
}

/** What serves the pace of a batch, and the sweep. */
function batchReads(db: Db): Pick<TaskRepository, 'overdue' | 'countIn' | 'inTurn' | 'unappliedOf'> {
  return {
    async overdue(now, limit) {
      const rows = await db
        .selectFrom('tasks')
        .selectAll()
        .where('state', 'in', UNFINISHED_STATES)
        .where('notAfter', '<=', now)
        .orderBy('notAfter')
        .limit(limit)
        .execute();
      return rows.map(taskRows.decode);
    },

    async countIn(id, states) {
      const row = await db
        .selectFrom('tasks')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('resetId', '=', id)
        .where('state', 'in', states)
        .executeTakeFirstOrThrow();
      return row.count;
    },

    async inTurn(id, limit, after) {
      let query = db
        .selectFrom('tasks')
        .select(['id', 'instanceId'])
        .where('resetId', '=', id)
        .where('state', '=', 'pending')
        .where('mode', '=', 'online');
      if (after !== null) query = query.where('id', '>', after);
      return query.orderBy('id').limit(limit).execute();
    },

    async unappliedOf(id, limit) {
      const rows = await db
        .selectFrom('tasks')
        .selectAll()
        .where('resetId', '=', id)
        .where('state', 'in', UNAPPLIED_STATES)
        .limit(limit)
        .execute();
      return rows.map(taskRows.decode);
    },
  };
}

function taskWrites(db: Db): Pick<TaskRepository, 'insert' | 'update'> {
  return {
    insert: async (tasks) => insertMany(db, 'tasks', tasks.map(taskRows.encode)),

    async update(id, from, change) {
      const columns = taskRows.encodeChange(change);
      // A change of nothing still answers whether the task is where the caller believes it to be.
      const set = Object.keys(columns).length === 0 ? { state: from } : columns;
      const result = await db
        .updateTable('tasks')
        .set(set)
        .where('id', '=', id)
        .where('state', '=', from)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
  };
}

function summarise(rows: readonly { state: TaskState; count: number }[]): ResetCounts {
  const counts = { total: 0, succeeded: 0, failed: 0, blocked: 0, pending: 0 };
  for (const { state, count } of rows) {
    counts.total += count;
    counts[TASK_COUNTS_AS[state]] += count;
  }
  return counts;
}
