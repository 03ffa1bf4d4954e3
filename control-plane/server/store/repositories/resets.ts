import * as z from 'zod';
import { ResetId } from '#protocol';
import { UNFINISHED_STATES } from '../../domain/task.ts';
import { defineCursor, toPage } from '../cursor.ts';
import { StoreError } from '../errors.ts';
import { isStarted, type StartedReset } from '../records.ts';
import { plannedTargetRows, resetRows, type Tables } from '../rows.ts';
import type { ResetRepository } from '../store.ts';
import { insertMany, listOf, type Db } from './sql.ts';

const cursor = defineCursor('resets', z.tuple([z.int(), ResetId]));

export function createResetRepository(db: Db): ResetRepository {
  return { ...resetReads(db), ...batchReads(db), ...planWrites(db), ...resetWrites(db), ...resetRemoval(db) };
}

/** Both times are written at once, when it starts. */
function started(row: Tables['resets']): StartedReset {
  const reset = resetRows.decode(row);
  if (isStarted(reset)) return reset;
  throw new StoreError('row-malformed', `The reset ${reset.id} was started, but not when, or until when it may apply.`);
}

function resetReads(db: Db): Pick<ResetRepository, 'get' | 'list' | 'targets' | 'projectsOf'> {
  return {
    async get(id) {
      const row = await db.selectFrom('resets').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : resetRows.decode(row);
    },

    async list({ projects, requestedWith, instance }, page) {
      let query = db.selectFrom('resets').selectAll().where('requestedAt', 'is not', null);
      if (instance !== undefined) {
        query = query.where('id', 'in', (eb) =>
          eb.selectFrom('tasks').select('tasks.resetId').where('tasks.instanceId', '=', instance),
        );
      }
      if (projects !== null) {
        const scope = listOf(projects);
        query = query.where((eb) => {
          const touched = eb
            .selectFrom('tasks')
            .innerJoin('instances', 'instances.id', 'tasks.instanceId')
            .select('tasks.id')
            .whereRef('tasks.resetId', '=', 'resets.id');
          const within = eb.and([
            eb.exists(touched.where('instances.project', 'in', scope)),
            eb.not(eb.exists(touched.where('instances.project', 'not in', scope))),
          ]);
          return requestedWith === undefined ? within : eb.or([eb('resets.tokenId', '=', requestedWith), within]);
        });
      }
      if (page.after !== null) {
        const [requestedAt, id] = cursor.decode(page.after);
        query = query.where((eb) => eb(eb.refTuple('requestedAt', 'id'), '<', eb.tuple(requestedAt, id)));
      }
      const rows = await query
        .orderBy('requestedAt', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
      return toPage(rows.map(started), page.limit, ({ requestedAt, id }) => cursor.encode([requestedAt, id]));
    },

    async targets(id) {
      const rows = await db
        .selectFrom('plannedTargets')
        .selectAll()
        .where('resetId', '=', id)
        .orderBy('instanceId')
        .execute();
      return rows.map(plannedTargetRows.decode);
    },

    async projectsOf(id) {
      const rows = await db
        .selectFrom('tasks')
        .innerJoin('instances', 'instances.id', 'tasks.instanceId')
        .select('instances.project')
        .distinct()
        .where('tasks.resetId', '=', id)
        .orderBy('instances.project')
        .execute();
      return rows.map(({ project }) => project);
    },
  };
}

function batchReads(db: Db): Pick<ResetRepository, 'retriesOf' | 'open'> {
  return {
    async retriesOf(id, limit) {
      const rows = await db
        .selectFrom('resets')
        .select('id')
        .where('retryOf', '=', id)
        .where('requestedAt', 'is not', null)
        .orderBy('requestedAt', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map((row) => row.id);
    },

    async open(limit, after) {
      let query = db
        .selectFrom('resets')
        .select('id')
        .where('finishedAt', 'is', null)
        .where('requestedAt', 'is not', null);
      if (after !== null) query = query.where('id', '>', after);
      return (await query.orderBy('id').limit(limit).execute()).map((row) => row.id);
    },
  };
}

/** What happens before a reset is started. */
function planWrites(db: Db): Pick<ResetRepository, 'insert' | 'putSealed' | 'deleteExpiredPlans'> {
  return {
    async insert(reset, targets) {
      await db.insertInto('resets').values(resetRows.encode(reset)).execute();
      await insertMany(db, 'plannedTargets', targets.map(plannedTargetRows.encode));
    },

    async putSealed(id, sealed) {
      for (const { instanceId, password } of sealed) {
        await db
          .updateTable('plannedTargets')
          .set(plannedTargetRows.encodeChange({ sealed: password }))
          .where('resetId', '=', id)
          .where('instanceId', '=', instanceId)
          .execute();
      }
    },

    async deleteExpiredPlans(now) {
      const result = await db
        .deleteFrom('resets')
        .where('requestedAt', 'is', null)
        .where('planExpiresAt', '<=', now)
        .executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}

function resetWrites(db: Db): Pick<ResetRepository, 'start' | 'finish' | 'pause' | 'stop'> {
  return {
    async start(id, { requestedAt, notAfter }) {
      const result = await db
        .updateTable('resets')
        .set({ requestedAt, notAfter })
        .where('id', '=', id)
        .where('requestedAt', 'is', null)
        .executeTakeFirst();
      if (result.numUpdatedRows === 0n) return false;
      await db.deleteFrom('plannedTargets').where('resetId', '=', id).execute();
      return true;
    },

    async finish(id, at) {
      await db
        .updateTable('resets')
        .set({ finishedAt: at })
        .where('id', '=', id)
        .where('finishedAt', 'is', null)
        .execute();
    },

    async pause(id, at) {
      await db.updateTable('resets').set({ pausedAt: at }).where('id', '=', id).execute();
    },

    async stop(id, at) {
      await db
        .updateTable('resets')
        .set({ stoppedAt: at })
        .where('id', '=', id)
        .where('stoppedAt', 'is', null)
        .execute();
    },
  };
}

function resetRemoval(db: Db): Pick<ResetRepository, 'deleteFinished'> {
  /** Oldest end first; one more than wanted, which tells that there are others. */
  const finished = (until: number, limit: number) =>
    db
      .selectFrom('resets')
      .select((eb) => [
        'id',
        eb
          .selectFrom('tasks')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .whereRef('tasks.resetId', '=', 'resets.id')
          .as('tasks'),
      ])
      .where('finishedAt', '<=', until)
      .where((eb) => {
        const tasks = eb.selectFrom('tasks').select('tasks.id').whereRef('tasks.resetId', '=', 'resets.id');
        return eb.not(eb.exists(tasks.where('tasks.state', 'in', UNFINISHED_STATES)));
      })
      .orderBy('finishedAt')
      .orderBy('id')
      .limit(limit + 1)
      .execute();

  return {
    async deleteFinished(until, limit) {
      const found = await finished(until, limit.resets);
      const ids: ResetId[] = [];
      let tasks = 0;
      for (const reset of found.slice(0, limit.resets)) {
        const count = reset.tasks ?? 0;
        if (ids.length > 0 && tasks + count > limit.tasks) break;
        ids.push(reset.id);
        tasks += count;
      }
      await db.deleteFrom('tasks').where('resetId', 'in', listOf(ids)).execute();
      await db.deleteFrom('resets').where('id', 'in', listOf(ids)).execute();
      return { resets: ids.length, tasks, more: found.length > ids.length };
    },
  };
}
