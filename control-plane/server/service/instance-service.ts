import {
  InstanceId,
  parseTag,
  type Action,
  type AddInstance,
  type ChangeInstance,
  type CloseReason,
  type ImportInstances,
  type Instance,
  type InstanceName,
  type InstanceQuery,
  type ProjectName,
} from '#protocol';
import type * as z from 'zod';
import type { Actor } from '../domain/actor.ts';
import type { InstanceRecord, TaskRecord } from '../store/records.ts';
import type { InstanceFilter, Repositories, Store } from '../store/store.ts';
import { ApiError, type ErrorDetail } from './errors.ts';
import { ANYTHING, type AuditDetail, type Gate } from './gate.ts';
import { locateForChange, locateForRead } from './instance-lookup.ts';
import { viewOfInstance } from './instance-view.ts';
import { listing, pageRequest, type Listing } from './listing.ts';
import type { Clock, Random } from './ports.ts';
import { requireProject } from './project-service.ts';

/** The connections of agents, as far as operators end them. */
export interface Sessions {
  /** Ends every session of an instance, wherever it is held, and forgets what was known of its agent. */
  close(id: InstanceId, reason: CloseReason): void;
  /** Tells who watches that these tasks have ended otherwise than by a word of the instance. */
  tasksEnded(tasks: readonly Pick<TaskRecord, 'id' | 'resetId'>[]): void;
}

/** Instances from the operator's side. What the actor may not see is `instance-not-found`, whether it exists or not. */
export interface InstanceService {
  list(actor: Actor, query: z.output<typeof InstanceQuery>): Promise<Listing<Instance> & { total?: number }>;
  get(actor: Actor, idOrName: string): Promise<Instance>;
  add(actor: Actor, request: z.output<typeof AddInstance>): Promise<Instance>;
  /** All or none. */
  import(actor: Actor, request: z.output<typeof ImportInstances>): Promise<{ readonly added: number }>;
  change(actor: Actor, idOrName: string, change: ChangeInstance): Promise<Instance>;
  /** Refused while a reset of it is not finished. */
  remove(actor: Actor, idOrName: string): Promise<void>;
}

interface Dependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly gate: Gate;
  readonly sessions: Sessions;
}

export function createInstanceService(deps: Dependencies): InstanceService {
  const { store, gate } = deps;
  return {
    list: (actor, query) =>
      gate.guard(async () => {
        gate.decide(actor, 'instance.read', ANYTHING, { subject: 'instances' });
        const filter = filterOf(actor, query);
        if (filter === null) return { items: [], nextCursor: null, ...(query.count ? { total: 0 } : {}) };
        return listInstances(store.read, filter, query);
      }),
    get: (actor, idOrName) =>
      gate.guard(async () => viewOfInstance(await locateForRead(gate, store.read, actor, idOrName))),
    add: async (actor, request) => {
      const [record] = await gate.change((tx) => addAll(deps, tx, actor, [request]));
      if (record === undefined) throw new Error('one instance was asked for and none was added');
      return viewOfInstance(record);
    },
    import: async (actor, { instances }) => {
      const records = await gate.change((tx) => addAll(deps, tx, actor, instances));
      return { added: records.length };
    },
    change: async (actor, idOrName, change) =>
      viewOfInstance(await gate.change((tx) => changeInstance(deps, tx, actor, idOrName, change))),
    remove: async (actor, idOrName) => {
      const id = await gate.change((tx) => removeInstance(deps, tx, actor, idOrName));
      deps.sessions.close(id, 'proof-invalid');
    },
  };
}

async function listInstances(
  read: Repositories,
  filter: InstanceFilter,
  query: z.output<typeof InstanceQuery>,
): Promise<Listing<Instance> & { total?: number }> {
  const order = { by: query.sort, descending: query.order === 'desc' };
  const page = listing(await read.instances.list(filter, pageRequest(query), order), viewOfInstance);
  const tasks = query.lastReset ? await read.tasks.newestOf(page.items.map(({ id }) => id)) : [];
  const newest = new Map(tasks.map((task) => [task.instanceId, task]));
  const items = page.items.map((instance) => {
    if (!query.lastReset) return instance;
    const task = newest.get(instance.id);
    if (task === undefined) return { ...instance, lastReset: null };
    const { resetId, state, account, updatedAt } = task;
    return { ...instance, lastReset: { resetId, state, account, at: updatedAt } };
  });
  return { ...page, items, ...(query.count ? { total: await read.instances.count(filter) } : {}) };
}

/** Null when nothing can match: a project that is not among the actor's. */
function filterOf(actor: Actor, query: z.output<typeof InstanceQuery>): InstanceFilter | null {
  const { name, project, os, state, search, tag, version } = query;
  if (project !== undefined && actor.projects?.includes(project) === false) return null;
  const projects = project === undefined ? actor.projects : [project];
  return {
    ...(projects === null ? {} : { projects }),
    ...(name === undefined ? {} : { name }),
    ...(os === undefined ? {} : { os }),
    ...(state === undefined ? {} : { state }),
    ...(search === undefined ? {} : { search }),
    ...(version === undefined ? {} : { version }),
    ...(tag === undefined ? {} : { tags: [tag].flat().map(requireTag) }),
  };
}

function requireTag(text: string): { readonly key: string; readonly value: string } {
  const tag = parseTag(text);
  if (tag !== null) return tag;
  const message = 'A tag is KEY=VALUE; a key has letters, digits and . _ / -';
  throw new ApiError('body-malformed', { details: [{ subject: 'querystring.tag', code: 'invalid_format', message }] });
}

async function addAll(
  deps: Dependencies,
  tx: Repositories,
  actor: Actor,
  requests: readonly z.output<typeof AddInstance>[],
): Promise<readonly InstanceRecord[]> {
  const { gate } = deps;
  const rules = new Map<ProjectName, string>();
  for (const project of new Set(requests.map((request) => request.project))) {
    // Rights before existence: who may not add to a project does not learn whether there is one.
    const subject = `project:${project}`;
    rules.set(project, gate.decide(actor, 'instance.add', { project, instanceId: null }, { subject }));
    await requireProject(tx, project);
  }
  await refuseTakenNames(
    tx,
    requests.map((request) => request.name),
  );
  const records = requests.map((request) => newInstance(deps, request));
  for (const record of records) {
    await tx.instances.insert(record);
    const { name, os, project } = record;
    const subject = `instance:${record.id}`;
    const rule = rules.get(project) ?? '';
    await tx.audit.append(gate.allowed(actor, 'instance.add', subject, rule, { name, os, project }));
  }
  return records;
}

/** Names are unique in the whole control plane, so this tells that a name is in use, though not by what. */
async function refuseTakenNames(tx: Repositories, names: readonly InstanceName[]): Promise<void> {
  const taken = new Set((await tx.instances.byNames(names)).map((record) => record.name));
  const seen = new Set<InstanceName>();
  const details: ErrorDetail[] = [];
  for (const name of names) {
    if (taken.has(name)) {
      details.push({ subject: name, code: 'instance-name-taken', message: 'Another instance has this name.' });
    } else if (seen.has(name)) {
      details.push({ subject: name, code: 'instance-name-taken', message: 'The request names it twice.' });
    }
    seen.add(name);
  }
  if (details.length > 0) throw new ApiError('instance-name-taken', { details });
}

/** An instance that no agent has joined yet. */
export function newInstance(
  { clock, random }: Pick<Dependencies, 'clock' | 'random'>,
  { name, os, project, tags }: Pick<InstanceRecord, 'name' | 'os' | 'project' | 'tags'>,
): InstanceRecord {
  return {
    id: InstanceId.parse(random.uuid()),
    name,
    os,
    project,
    tags,
    power: 'unknown',
    createdAt: clock.now(),
    identityKey: null,
    identity: null,
    sealingKey: null,
    continuityCurrent: null,
    continuityPrevious: null,
    fencedAt: null,
    agentState: 'not-installed',
    agentVersion: null,
    facts: null,
    components: {},
    reasons: [],
    connectedSince: null,
    lastSeenAt: null,
  };
}

async function changeInstance(
  { gate }: Dependencies,
  tx: Repositories,
  actor: Actor,
  idOrName: string,
  change: ChangeInstance,
): Promise<InstanceRecord> {
  const { record, rule } = await locateForChange(gate, tx, actor, 'instance.change', idOrName);
  const subject = `instance:${record.id}`;
  const next: InstanceRecord = {
    ...record,
    name: change.name ?? record.name,
    project: change.project ?? record.project,
    tags: change.tags ?? record.tags,
    power: change.power ?? record.power,
  };
  if (next.project !== record.project) {
    // A move takes rights on both ends: out of here, and into there.
    gate.decide(actor, 'instance.change', { project: next.project, instanceId: record.id }, { subject });
    await requireProject(tx, next.project);
  }
  if (next.name !== record.name) {
    decideToFreeName(gate, actor, 'instance.change', record);
    await refuseTakenNames(tx, [next.name]);
  }
  const { name, project, tags, power } = next;
  await tx.instances.update(record.id, { name, project, tags, power });
  await tx.audit.append(gate.allowed(actor, 'instance.change', subject, rule, differences(record, next)));
  return next;
}

/** The name of an enrolled instance is what others send passwords to: once free, another machine can join under it. */
function decideToFreeName(gate: Gate, actor: Actor, action: Action, record: InstanceRecord): void {
  const { id, project, identity } = record;
  const context = { displacesIdentity: identity !== null };
  gate.decide(actor, action, { project, instanceId: id }, { subject: `instance:${id}`, context });
}

function differences(before: InstanceRecord, after: InstanceRecord): AuditDetail {
  const tagsChanged = JSON.stringify(before.tags) !== JSON.stringify(after.tags);
  return {
    ...(before.name === after.name ? {} : { nameBefore: before.name, name: after.name }),
    ...(before.project === after.project ? {} : { projectBefore: before.project, project: after.project }),
    ...(before.power === after.power ? {} : { powerBefore: before.power, power: after.power }),
    ...(tagsChanged ? { tags: Object.keys(after.tags).length } : {}),
  };
}

async function removeInstance(
  { gate }: Dependencies,
  tx: Repositories,
  actor: Actor,
  idOrName: string,
): Promise<InstanceId> {
  const { record, rule } = await locateForChange(gate, tx, actor, 'instance.remove', idOrName);
  decideToFreeName(gate, actor, 'instance.remove', record);
  // An unknown outcome may still become known, but nothing is under way any more that a removal would cut short.
  if ((await tx.tasks.unfinishedOf([record.id])).length > 0) throw new ApiError('instance-has-tasks');
  await tx.instances.delete(record.id);
  const { name, project, identity } = record;
  const detail = { name, project, identity };
  await tx.audit.append(gate.allowed(actor, 'instance.remove', `instance:${record.id}`, rule, detail));
  return record.id;
}
