import {
  InstanceId,
  TARGETS_MAX,
  printable,
  type AccountRef,
  type InstanceName,
  type PlanReset,
  defaultAccount,
} from '#protocol';
import type * as z from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { authorize } from '../../domain/authorization.ts';
import type { InstanceRecord, TaskRecord } from '../../store/records.ts';
import type { Repositories } from '../../store/store.ts';
import { ApiError } from '../errors.ts';

const TAG_PAGE_ROWS = 1_000;

/** The instances that a request means, each once, by name. Unknown ones, and ones out of sight, are an error. */
export async function resolveTargets(
  read: Repositories,
  actor: Actor,
  targets: z.output<typeof PlanReset>['targets'],
): Promise<readonly InstanceRecord[]> {
  const found = new Map<InstanceId, InstanceRecord>();
  for (const instance of await named(read, actor, targets.instances)) found.set(instance.id, instance);
  if (targets.tags.length > 0) {
    for (const instance of await tagged(read, actor, targets.tags)) found.set(instance.id, instance);
  }
  if (found.size === 0) throw new ApiError('no-targets');
  if (found.size > TARGETS_MAX) throw new ApiError('too-many-targets');
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function named(
  read: Repositories,
  actor: Actor,
  references: readonly (InstanceId | InstanceName)[],
): Promise<readonly InstanceRecord[]> {
  const isId = (reference: string): reference is InstanceId => InstanceId.safeParse(reference).success;
  const ids = references.filter((reference): reference is InstanceId => isId(reference));
  const names = references.filter((reference): reference is InstanceName => !isId(reference));
  const instances = [...(await read.instances.getMany(ids)), ...(await read.instances.byNames(names))].filter(
    (instance) => authorize(actor, 'instance.read', { project: instance.project, instanceId: instance.id }).allow,
  );
  const known = new Set<string>(instances.flatMap((instance) => [instance.id, instance.name]));
  const missing = references.filter((reference) => !known.has(reference));
  if (missing.length > 0) {
    throw new ApiError('instance-not-found', {
      details: missing.map((reference) => ({
        subject: printable(reference),
        code: 'instance-not-found',
        message: 'There is no instance of this name or id.',
      })),
    });
  }
  return instances;
}

async function tagged(
  read: Repositories,
  actor: Actor,
  tags: z.output<typeof PlanReset>['targets']['tags'],
): Promise<readonly InstanceRecord[]> {
  const filter = { tags, ...(actor.projects === null ? {} : { projects: actor.projects }) };
  const instances: InstanceRecord[] = [];
  let after: string | null = null;
  do {
    const page = await read.instances.list(filter, { limit: TAG_PAGE_ROWS, after });
    instances.push(...page.rows);
    after = page.next;
  } while (after !== null && instances.length <= TARGETS_MAX);
  return instances;
}

/** An online reset takes one family of operating systems at a time. */
export function refuseMixed(instances: readonly InstanceRecord[]): void {
  const windows = instances.filter((instance) => instance.os === 'windows').length;
  if (windows === 0 || windows === instances.length) return;
  throw new ApiError('os-mixed', {
    details: [
      { subject: 'linux', code: 'os-mixed', message: `${String(instances.length - windows)} instances` },
      { subject: 'windows', code: 'os-mixed', message: `${String(windows)} instances` },
    ],
  });
}

/** The account that a reset is about on that instance. */
export function accountOn(instance: InstanceRecord, account: AccountRef | null): AccountRef {
  return account ?? defaultAccount(instance.os);
}

/** Finds the unfinished tasks of an account. */
export function indexByAccount(tasks: readonly TaskRecord[]) {
  const index = new Map<string, TaskRecord[]>();
  const keyOf = (instanceId: InstanceId, account: AccountRef) => `${instanceId} ${account}`;
  for (const task of tasks) {
    const key = keyOf(task.instanceId, task.account);
    index.set(key, [...(index.get(key) ?? []), task]);
  }
  return (instanceId: InstanceId, account: AccountRef): readonly TaskRecord[] =>
    index.get(keyOf(instanceId, account)) ?? [];
}
