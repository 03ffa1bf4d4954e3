import * as z from 'zod';
import { ConsoleSessionId } from '#protocol';
import { defineCursor, toPage } from '../cursor.ts';
import { consoleSessionRows } from '../rows.ts';
import type { ConsoleSessionRepository } from '../store.ts';
import type { Db } from './sql.ts';

const cursor = defineCursor('console-sessions', z.tuple([z.int(), ConsoleSessionId]));

export function createConsoleSessionRepository(db: Db): ConsoleSessionRepository {
  return {
    async get(id) {
      const row = await db.selectFrom('consoleSessions').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : consoleSessionRows.decode(row);
    },

    async list({ tokenId, openedAfter, openedUntil, usedAfter, tokenGoodAt }, page) {
      let query = db
        .selectFrom('consoleSessions')
        .selectAll()
        .where('createdAt', '>', openedAfter)
        .where('revokedAt', 'is', null);
      if (tokenId !== undefined) query = query.where('tokenId', '=', tokenId);
      if (openedUntil !== undefined) query = query.where('createdAt', '<=', openedUntil);
      if (usedAfter !== undefined) query = query.where('lastUsedAt', '>', usedAfter);
      if (tokenGoodAt !== undefined) query = query.where('tokenId', 'in', goodTokens(db, tokenGoodAt));
      if (page.after !== null) {
        const [createdAt, id] = cursor.decode(page.after);
        query = query.where((eb) => eb(eb.refTuple('createdAt', 'id'), '<', eb.tuple(createdAt, id)));
      }
      const rows = await query
        .orderBy('createdAt', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
      const decoded = rows.map(consoleSessionRows.decode);
      return toPage(decoded, page.limit, ({ createdAt, id }) => cursor.encode([createdAt, id]));
    },

    async insert(session) {
      await db.insertInto('consoleSessions').values(consoleSessionRows.encode(session)).execute();
    },

    async touch(id, at) {
      await db
        .updateTable('consoleSessions')
        .set({ lastUsedAt: at })
        .where('id', '=', id)
        .where('lastUsedAt', '<', at)
        .execute();
    },

    async revoke(id, at) {
      await db
        .updateTable('consoleSessions')
        .set({ revokedAt: at })
        .where('id', '=', id)
        .where('revokedAt', 'is', null)
        .execute();
    },

    async deleteOpenedUntil(until) {
      const result = await db.deleteFrom('consoleSessions').where('createdAt', '<=', until).executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}

function goodTokens(db: Db, at: number) {
  return db
    .selectFrom('tokens')
    .select('id')
    .where('revokedAt', 'is', null)
    .where((eb) => eb.or([eb('expiresAt', 'is', null), eb('expiresAt', '>', at)]));
}
