import type { CoreDeps } from '../../../control-plane/server/core.ts';
import type { Repositories, Store } from '../../../control-plane/server/store/store.ts';

type Break = (ports: CoreDeps) => CoreDeps;
/** Repositories with some methods replaced. */
type Twist = (tx: Repositories) => Partial<Repositories>;

/** A task counts as done as soon as the instance has begun it. */
export const believesBeginnings = twisting((tx) => ({
  tasks: overlay(tx.tasks, {
    update: (id, from, change) =>
      tx.tasks.update(id, from, change.state === 'running' ? { ...change, ...DONE, sealed: null } : change),
  }),
  audit: overlay(tx.audit, {
    append: (entry) => {
      const { to } = entry.detail;
      return tx.audit.append(to === 'running' ? { ...entry, detail: { ...entry.detail, to: DONE.state } } : entry);
    },
  }),
}));

const DONE = { state: 'succeeded', verifiedBy: 'login', code: null } as const;

/** That an order leaves is written down where it does not last. */
export const losesDispatches: Break = (ports) => ({
  ...ports,
  store: {
    ...ports.store,
    transaction: (work) =>
      new Promise((resolve, reject) => {
        let leaves = false;
        const watching: Twist = (tx) => ({
          tasks: overlay(tx.tasks, {
            update: (id, from, change) => {
              leaves ||= change.state === 'dispatched';
              return tx.tasks.update(id, from, change);
            },
          }),
        });
        ports.store
          .transaction(async (tx) => {
            const value = await work({ ...tx, ...watching(tx) });
            resolve(value);
            if (leaves) throw new NotKept();
            return value;
          })
          .then(resolve, (error: unknown) => {
            if (!(error instanceof NotKept)) reject(error instanceof Error ? error : new Error(String(error)));
          });
      }),
  },
});

class NotKept extends Error {}

/** What it was asked to do stays where it is when the one word about it gets lost. */
export const dropsItsOutbox: Break = (ports) => ({
  ...ports,
  store: {
    ...ports.store,
    read: {
      ...ports.store.read,
      resets: overlay(ports.store.read.resets, { open: async () => Promise.resolve([]) }),
    },
  },
});

/** Nobody looks whether a limit has passed. */
export const expiresNothing = twisting((tx) => ({
  tasks: overlay(tx.tasks, { overdue: async () => Promise.resolve([]) }),
}));

/** Two machines may speak as one for as long as they like. */
export const fencesNobody = twisting((tx) => ({
  instances: overlay(tx.instances, {
    update: async (id, change) => {
      if (typeof change.fencedAt !== 'number') await tx.instances.update(id, change);
    },
  }),
}));

/** Who presented which secret is not remembered: every reconnect looks like that of a copy. */
export const remembersNoContinuity = twisting((tx) => ({
  instances: overlay(tx.instances, {
    updateIf: (id, expected, change) => tx.instances.updateIf(id, expected, { ...change, continuityPrevious: null }),
  }),
}));

/** Changes of tasks leave no record. */
export const recordsNothing = twisting((tx) => ({
  audit: overlay(tx.audit, {
    append: async (entry) => {
      if (entry.action !== 'task.state') await tx.audit.append(entry);
    },
  }),
}));

/** What was sealed stays when its task is over. */
export const erasesNothing = twisting((tx) => ({
  tasks: overlay(tx.tasks, {
    update: (id, from, { sealed, ...change }) =>
      tx.tasks.update(id, from, sealed === null || sealed === undefined ? change : { ...change, sealed }),
  }),
}));

/** That the last task of a reset is over is not noticed. */
export const endsNoReset = twisting((tx) => ({
  resets: overlay(tx.resets, { finish: async () => Promise.resolve() }),
}));

/** Every reset of an account has the number of the first. */
export const countsNoGenerations = twisting((tx) => ({
  generations: overlay(tx.generations, { next: async () => Promise.resolve(1) }),
}));

function twisting(twist: Twist): Break {
  return (ports) => {
    const { store } = ports;
    const twisted: Store = {
      ...store,
      transaction: (work) => store.transaction((tx) => work({ ...tx, ...twist(tx) })),
    };
    return { ...ports, store: twisted };
  };
}

function overlay<R extends object>(repository: R, methods: Partial<R>): R {
  return Object.assign(Object.create(repository) as R, methods);
}
