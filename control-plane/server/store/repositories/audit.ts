import { sql, type Insertable } from 'kysely';
import * as z from 'zod';
import type { AuditRecord } from '#protocol';
import { defineCursor, toPage } from '../cursor.ts';
import type { AuditEntry } from '../records.ts';
import { auditRows, type Tables } from '../rows.ts';
import type { AuditRepository } from '../store.ts';
import type { Db } from './sql.ts';

const cursor = defineCursor('audit', z.tuple([z.int()]));

export function createAuditRepository(db: Db): AuditRepository {
  // Counted within the one writer's transaction, not by the database: a rolled-back record leaves no gap.
  const nextSequence = sql<number>`(select coalesce(max("sequence"), 0) + 1 from "audit")`;
  const insert = (entry: AuditEntry, counter: Pick<Insertable<Tables['audit']>, 'refusalKey' | 'refusals'>) =>
    db.insertInto('audit').values({ ...auditRows.encode(entry), ...counter, sequence: nextSequence });

  return {
    async append(entry) {
      await insert(entry, { refusalKey: null, refusals: null }).execute();
    },

    async list(filter, page) {
      let query = db.selectFrom('audit').selectAll();
      if (filter.action !== undefined) query = query.where('action', '=', filter.action);
      if (filter.resource !== undefined) query = query.where('resource', '=', filter.resource);
      if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor);
      if (filter.since !== undefined) query = query.where('at', '>=', filter.since);
      if (page.after !== null) query = query.where('sequence', '<', cursor.decode(page.after)[0]);
      const rows = await query
        .orderBy('sequence', 'desc')
        .limit(page.limit + 1)
        .execute();
      return toPage(rows.map(decode), page.limit, ({ sequence }) => cursor.encode([sequence]));
    },

    async countRefusal(entry, key, times = 1) {
      await insert(entry, { refusalKey: JSON.stringify([key.code, key.source, key.minute]), refusals: times })
        .onConflict((conflict) =>
          conflict.column('refusalKey').doUpdateSet(({ eb }) => ({ refusals: eb('audit.refusals', '+', times) })),
        )
        .execute();
    },

    async deleteUntil(until, limit) {
      const old = db
        .selectFrom('audit')
        .select('sequence')
        .where('at', '<=', until)
        // The next number is one more than the highest: that one has to stay.
        .where('sequence', '<', (eb) => eb.selectFrom('audit').select(({ fn }) => fn.max('sequence').as('newest')))
        .orderBy('at')
        .orderBy('sequence')
        .limit(limit);
      const result = await db.deleteFrom('audit').where('sequence', 'in', old).executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}

/** A record that counts shows its figure as `count` in its detail. */
function decode(row: Tables['audit']): AuditRecord {
  const entry = auditRows.decode(row);
  const detail = row.refusals === null ? entry.detail : { ...entry.detail, count: row.refusals };
  return { sequence: row.sequence, ...entry, detail };
}
