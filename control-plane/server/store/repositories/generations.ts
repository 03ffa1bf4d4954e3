import type { GenerationRepository } from '../store.ts';
import type { Db } from './sql.ts';

export function createGenerationRepository(db: Db): GenerationRepository {
  return {
    async highest(id, account) {
      const row = await db
        .selectFrom('generations')
        .select('generation')
        .where('instanceId', '=', id)
        .where('account', '=', account)
        .executeTakeFirst();
      return row?.generation ?? 0;
    },

    async next(id, account) {
      const row = await db
        .insertInto('generations')
        .values({ instanceId: id, account, generation: 1 })
        .onConflict((conflict) =>
          conflict
            .columns(['instanceId', 'account'])
            .doUpdateSet(({ eb }) => ({ generation: eb('generations.generation', '+', 1) })),
        )
        .returning('generation')
        .executeTakeFirstOrThrow();
      return row.generation;
    },

    async raise(id, account, generation) {
      await db
        .insertInto('generations')
        .values({ instanceId: id, account, generation })
        .onConflict((conflict) =>
          conflict
            .columns(['instanceId', 'account'])
            .doUpdateSet({ generation })
            .where('generations.generation', '<', generation),
        )
        .execute();
    },
  };
}
