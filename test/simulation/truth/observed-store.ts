import type { InstanceId, TaskId, TaskState } from '#protocol';
import { isUnfinished } from '../../../control-plane/server/domain/task.ts';
import type { AuditEntry, TaskRecord } from '../../../control-plane/server/store/records.ts';
import type { InstanceChange, Repositories, Store, TaskChange } from '../../../control-plane/server/store/store.ts';
import { never, type Life } from '../engine/life.ts';
import { short } from '../engine/trace.ts';
import type { InstanceTruth } from './instance-truth.ts';
import { nameOf, type Known } from './known.ts';

/** What one transaction changed, as far as promises speak of it. */
type Change =
  | { readonly do: 'insert'; readonly tasks: readonly TaskRecord[] }
  | { readonly do: 'update'; readonly id: TaskId; readonly from: TaskState; readonly change: TaskChange }
  | { readonly do: 'audit'; readonly entry: AuditEntry }
  | { readonly do: 'fence'; readonly id: InstanceId };

export interface ObservedStoreDeps {
  readonly store: Store;
  readonly life: Life;
  readonly known: Known;
  readonly instances: InstanceTruth;
  /** How long a look or a commit takes, in virtual milliseconds. */
  readonly latencyMs: () => number;
}

/** The store as one process of the control plane has it. Each transaction can be the last thing that the process does. */
export function observeStore(deps: ObservedStoreDeps): Store {
  const { store, life } = deps;
  const pause = async (): Promise<void> => {
    const ms = deps.latencyMs();
    if (ms > 0) await life.sleep(ms);
  };
  return {
    read: readBy(store.read, life),
    async transaction(work) {
      if (life.hazard('before a transaction')) return never();
      await pause();
      const changes: Change[] = [];
      const outcome = await attempt(() =>
        store.transaction(async (tx) => {
          // A process that was killed begins nothing more; what it had begun is rolled back.
          if (life.isDead()) throw new Killed();
          return work(watched(tx, changes));
        }),
      );
      if (outcome.ok) committed(deps, changes);
      if (life.isDead()) return never();
      await pause();
      if (life.hazard('after a transaction')) return never();
      if (!outcome.ok) throw outcome.error;
      return outcome.value;
    },
    scrub: async () => (life.isDead() ? never() : store.scrub()),
    close: async () => undefined,
  };
}

class Killed extends Error {}

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** Reads of a process that was killed never come back. */
function readBy(read: Repositories, life: Life): Repositories {
  const guard = <R extends object>(repository: R): R =>
    new Proxy(repository, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return async (...parameters: readonly unknown[]) => {
          if (life.isDead()) return never();
          const value: unknown = await Reflect.apply(member, target, parameters);
          return life.isDead() ? never() : value;
        };
      },
    });
  return mapRepositories(read, guard);
}

function mapRepositories(from: Repositories, map: <R extends object>(repository: R) => R): Repositories {
  const { instances, projects, tokens, consoleSessions, resets, tasks, generations, audit } = from;
  return {
    ...{ instances: map(instances), projects: map(projects), tokens: map(tokens) },
    ...{ consoleSessions: map(consoleSessions), resets: map(resets) },
    ...{ tasks: map(tasks), generations: map(generations), audit: map(audit) },
  };
}

/** The repositories of a transaction, with an ear on them. */
function watched(tx: Repositories, changes: Change[]): Repositories {
  return {
    ...tx,
    tasks: overlay(tx.tasks, {
      insert: async (tasks) => {
        await tx.tasks.insert(tasks);
        changes.push({ do: 'insert', tasks });
      },
      update: async (id, from, change) => {
        const done = await tx.tasks.update(id, from, change);
        if (done) changes.push({ do: 'update', id, from, change });
        return done;
      },
    }),
    instances: overlay(tx.instances, {
      update: async (id, change: InstanceChange) => {
        await tx.instances.update(id, change);
        if (typeof change.fencedAt === 'number') changes.push({ do: 'fence', id });
      },
    }),
    audit: overlay(tx.audit, {
      append: async (entry) => {
        await tx.audit.append(entry);
        changes.push({ do: 'audit', entry });
      },
    }),
  };
}

function overlay<R extends object>(repository: R, methods: Partial<R>): R {
  return Object.assign(Object.create(repository) as R, methods);
}

function committed(deps: ObservedStoreDeps, changes: readonly Change[]): void {
  const { known } = deps;
  known.commits += 1;
  const audited = changes.flatMap((change) => (change.do === 'audit' ? [change.entry] : []));
  for (const change of changes) {
    switch (change.do) {
      case 'insert':
        onInsert(deps, change.tasks, audited);
        break;
      case 'update':
        onUpdate(deps, change, audited);
        break;
      case 'fence':
        known.trace.add('server', `fenced ${short(change.id)}`);
        known.trace.count('copy fenced');
        if (!known.cloned.has(change.id)) known.violate('no healthy agent is fenced', `instance ${short(change.id)}`);
        break;
      case 'audit':
        break;
      default:
        change satisfies never;
    }
  }
}

function onInsert({ known, instances }: ObservedStoreDeps, tasks: readonly TaskRecord[], audited: AuditEntry[]): void {
  const resetId = tasks[0]?.resetId;
  if (resetId !== undefined && !audited.some((entry) => entry.resource === `reset:${resetId}`))
    known.violate('every change is audited', `the start of reset ${short(resetId)} has no record`);
  for (const task of tasks) {
    const { id, instanceId, account, generation, notAfter, state, sealed } = task;
    known.trace.add('server', `committed ${nameOf(task)} as ${state}`);
    if (state === 'pending' && generation <= instances.newestKnowable(instanceId, account))
      known.violate('generations strictly rise', `${nameOf(task)} is not above what was applied before`);
    known.addTask({
      ...{ id, resetId: task.resetId, instanceId, account, generation, notAfter, state },
      ...{ ciphertext: sealed?.ciphertext ?? '', dispatched: false, insertedBy: known.commits },
      ...{ changedBy: known.commits, forgotten: false, rewound: false },
    });
  }
}

function onUpdate(
  { known }: ObservedStoreDeps,
  { id, from, change }: Extract<Change, { do: 'update' }>,
  audited: AuditEntry[],
): void {
  const task = known.tasks.get(id);
  const to = change.state ?? from;
  if (task === undefined) return;
  known.trace.add('server', `committed ${nameOf(task)} ${from} → ${to} ${change.code ?? ''}`);
  task.state = to;
  task.changedBy = known.commits;
  if (to === 'dispatched' || typeof change.dispatchedAt === 'number') task.dispatched = true;
  const records = audited.filter((entry) => entry.resource === `task:${id}`);
  const tells = records.some((entry) => entry.detail['from'] === from && entry.detail['to'] === to);
  if (from !== to && !tells) known.violate('every change is audited', `${nameOf(task)} ${from} → ${to} has no record`);
  if (!isUnfinished(to) && from !== to && change.sealed !== null)
    known.violate('sealed bytes go with the task', `${nameOf(task)} keeps them as ${to}`);
}
