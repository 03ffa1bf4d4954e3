import type { Repositories } from '../store.ts';
import { createAuditRepository } from './audit.ts';
import { createConsoleSessionRepository } from './console-sessions.ts';
import { createGenerationRepository } from './generations.ts';
import { createInstanceRepository } from './instances.ts';
import { createProjectRepository } from './projects.ts';
import { createResetRepository } from './resets.ts';
import type { Db } from './sql.ts';
import { createTaskRepository } from './tasks.ts';
import { createTokenRepository } from './tokens.ts';

export function createRepositories(db: Db): Repositories {
  return {
    instances: createInstanceRepository(db),
    projects: createProjectRepository(db),
    tokens: createTokenRepository(db),
    consoleSessions: createConsoleSessionRepository(db),
    resets: createResetRepository(db),
    tasks: createTaskRepository(db),
    generations: createGenerationRepository(db),
    audit: createAuditRepository(db),
  };
}

type Through = <T>(call: () => Promise<T>) => Promise<T>;

/** The same repositories, each call of which goes `through` something. */
export function mapCalls(repositories: Repositories, through: Through): Repositories {
  const wrap = <R extends object>(repository: R): R =>
    new Proxy(repository, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function') return member;
        return (...parameters: readonly unknown[]) =>
          through(async () => Reflect.apply(member, target, parameters) as unknown);
      },
    });
  return {
    instances: wrap(repositories.instances),
    projects: wrap(repositories.projects),
    tokens: wrap(repositories.tokens),
    consoleSessions: wrap(repositories.consoleSessions),
    resets: wrap(repositories.resets),
    tasks: wrap(repositories.tasks),
    generations: wrap(repositories.generations),
    audit: wrap(repositories.audit),
  };
}
