import * as z from 'zod';
import { TokenId } from '#protocol';
import { defineCursor, toPage } from '../cursor.ts';
import { tokenRows } from '../rows.ts';
import type { TokenRepository } from '../store.ts';
import type { Db } from './sql.ts';

const cursor = defineCursor('tokens', z.tuple([z.int(), TokenId]));

export function createTokenRepository(db: Db): TokenRepository {
  return {
    async get(id) {
      const row = await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : tokenRows.decode(row);
    },

    async list(page) {
      let query = db.selectFrom('tokens').selectAll();
      if (page.after !== null) {
        const [createdAt, id] = cursor.decode(page.after);
        query = query.where((eb) => eb(eb.refTuple('createdAt', 'id'), '<', eb.tuple(createdAt, id)));
      }
      const rows = await query
        .orderBy('createdAt', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
      return toPage(rows.map(tokenRows.decode), page.limit, ({ createdAt, id }) => cursor.encode([createdAt, id]));
    },

    async madeWith(id) {
      // As the audit names an actor: the id of its token, a blank, its name. `!` is what comes after a blank.
      const rows = await db
        .selectFrom('tokens')
        .selectAll()
        .where('createdBy', '>=', `token:${id} `)
        .where('createdBy', '<', `token:${id}!`)
        .orderBy('createdAt')
        .orderBy('id')
        .execute();
      return rows.map(tokenRows.decode);
    },

    async insert(token) {
      await db.insertInto('tokens').values(tokenRows.encode(token)).execute();
    },

    async revoke(id, at) {
      // The first revocation stays: when it was revoked must not move.
      await db
        .updateTable('tokens')
        .set({ revokedAt: at })
        .where('id', '=', id)
        .where('revokedAt', 'is', null)
        .execute();
    },

    async touch(id, at) {
      await db.updateTable('tokens').set({ lastUsedAt: at }).where('id', '=', id).execute();
    },

    async takeUse(id) {
      const result = await db
        .updateTable('tokens')
        .set(({ eb }) => ({ usesLeft: eb('usesLeft', '-', 1) }))
        .where('id', '=', id)
        .where('type', '=', 'join')
        .where('usesLeft', '>', 0)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
  };
}
