import { projectRows } from '../rows.ts';
import type { ProjectRepository } from '../store.ts';
import type { Db } from './sql.ts';

export function createProjectRepository(db: Db): ProjectRepository {
  return {
    async get(name) {
      const row = await db.selectFrom('projects').selectAll().where('name', '=', name).executeTakeFirst();
      return row === undefined ? null : projectRows.decode(row);
    },
    async list() {
      const rows = await db.selectFrom('projects').selectAll().orderBy('name').execute();
      return rows.map(projectRows.decode);
    },
    async put(project) {
      const row = projectRows.encode(project);
      const { name: _key, ...rest } = row;
      await db
        .insertInto('projects')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(rest))
        .execute();
    },
  };
}
