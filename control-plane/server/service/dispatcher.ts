import {
  ORDER_LIFETIME_MS_MAX,
  Order,
  fromBase64Url,
  signJson,
  type ApiCode,
  type InstanceId,
  type OperatingSystem,
  type PasswordPolicy,
  type Signer,
} from '#protocol';
import { actorOfToken, type Actor } from '../domain/actor.ts';
import { authorize, type Decision } from '../domain/authorization.ts';
import { judgeReadiness } from '../domain/readiness.ts';
import type { Session } from '../gateway/session.ts';
import type { SessionDirectory } from '../gateway/session-directory.ts';
import type { Bus } from '../bus/bus.ts';
import type { InstanceRecord, TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { CatalogueScript, Clock, Hash, Log } from './ports.ts';
import { changeTask } from './task-flow.ts';

/** How many instances are served at the same time; the others wait in line. */
const CONCURRENT_DELIVERIES_MAX = 64;

export interface DispatcherDeps {
  readonly store: Store;
  readonly directory: Pick<SessionDirectory, 'find'>;
  readonly orderSigner: () => Signer;
  /** The reset script for an operating system; null when the catalogue has none. */
  readonly script: (os: OperatingSystem) => CatalogueScript | null;
  readonly passwordPolicy: PasswordPolicy;
  readonly hash: Hash;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Log;
}

export interface Dispatcher {
  /** Delivers what is open for that instance, now or when its turn comes. */
  deliver(id: InstanceId): void;
  /** Resolves when nothing is being delivered any more. */
  idle(): Promise<void>;
}

/** Hands tasks to instances. Called for one instance again and again without harm: a task leaves once a session. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const line: InstanceId[] = [];
  const waiting = new Set<InstanceId>();
  const busy = new Map<InstanceId, { again: boolean }>();
  let idleListeners: (() => void)[] = [];

  function deliver(id: InstanceId): void {
    const current = busy.get(id);
    if (current !== undefined) {
      current.again = true;
      return;
    }
    if (waiting.has(id)) return;
    waiting.add(id);
    line.push(id);
    advance();
  }

  function advance(): void {
    while (busy.size < CONCURRENT_DELIVERIES_MAX) {
      const id = line.shift();
      if (id === undefined) break;
      waiting.delete(id);
      const state = { again: false };
      busy.set(id, state);
      deliverInstance(deps, id)
        .catch((error: unknown) => {
          // What was not delivered stays open in the store: the sweep comes back to it.
          deps.log.error({ err: error, instance: id }, 'a delivery failed');
        })
        .finally(() => {
          busy.delete(id);
          if (state.again) deliver(id);
          advance();
        })
        .catch((error: unknown) => {
          deps.log.error({ err: error }, 'the line of deliveries broke');
        });
    }
    if (busy.size > 0) return;
    for (const tell of idleListeners) tell();
    idleListeners = [];
  }

  return {
    deliver,
    idle: () =>
      busy.size === 0 && line.length === 0 ? Promise.resolve() : new Promise((resolve) => idleListeners.push(resolve)),
  };
}

async function deliverInstance(deps: DispatcherDeps, id: InstanceId): Promise<void> {
  const session = deps.directory.find(id, 'agent');
  if (session === null) return;
  const now = deps.clock.now();
  const unfinished = await deps.store.read.tasks.unfinishedOf([id]);
  const open = unfinished.filter((task) => task.mode === 'online' && task.notAfter > now && !session.sent.has(task.id));
  if (open.length === 0) return;
  // The health that was last reported cannot know what happened since: nothing is sent without a fresh answer.
  const alive = await session.liveness.ask();
  for (const task of open) await deliverTask(deps, session, task, alive);
}

async function deliverTask(deps: DispatcherDeps, session: Session, task: TaskRecord, alive: boolean): Promise<void> {
  const { store, clock, bus } = deps;
  const at = clock.now();
  const departing = await store.transaction(async (tx) => {
    const current = await tx.tasks.get(task.id);
    const instance = await tx.instances.get(task.instanceId);
    if (current === null || instance === null || current.sealed === null) return null;
    if (current.state === 'pending') {
      const blocked = await judgeDelivery(deps, tx, current, instance, alive);
      if (blocked !== null) {
        await changeTask(tx, current, { type: 'block' }, { actor: 'system', at }, { code: blocked });
        return null;
      }
    } else {
      // Sent before, and perhaps never received: it is not sent once more for somebody who may not have it done any more.
      const denied = await judgeRights(deps, tx, current, instance);
      // Whether the instance took it is not known; if it did, its word is still taken.
      if (denied !== null && current.state === 'dispatched') {
        await changeTask(tx, current, { type: 'expire' }, { actor: 'system', at }, { code: denied });
      }
      if (denied !== null || !alive) return null;
    }
    // A new session begins with what the instance holds. It counts its times from the order that it holds: another one
    // that leaves now moves nothing.
    const isHeld = current.state === 'accepted' || current.state === 'running';
    const news = isHeld ? {} : { dispatchedAt: at };
    const next = await changeTask(tx, current, { type: 'dispatch' }, { actor: 'system', at }, news);
    if (next === null) return null;
    const actor = await actorBehind(tx, current, at);
    return { task: current, instance, sealed: current.sealed, privileged: actor?.privileged ?? false, isHeld };
  });
  bus.changed(task.resetId, [task.id]);
  if (departing !== null) await sendOrder(deps, session, departing);
}

/** Whether who asked for it still may, for a project that still wants it. */
async function judgeRights(
  deps: DispatcherDeps,
  tx: Repositories,
  task: TaskRecord,
  instance: InstanceRecord,
): Promise<ApiCode | null> {
  if (!(await decideFor(deps, tx, task, instance)).allow) return 'account-not-authorised';
  return (await tx.projects.get(instance.project))?.serviceEnabled === true ? null : 'service-not-authorised';
}

async function decideFor(
  deps: DispatcherDeps,
  tx: Repositories,
  task: TaskRecord,
  instance: InstanceRecord,
): Promise<Decision> {
  const actor = await actorBehind(tx, task, deps.clock.now());
  if (actor === null) return { allow: false, rule: 'token-revoked' };
  const resource = { project: instance.project, instanceId: instance.id };
  const { account, mode, options } = task;
  return authorize(actor, 'reset.start', resource, { account, mode, options });
}

/** Rights and health once more: between the request and now anything may have changed. */
async function judgeDelivery(
  deps: DispatcherDeps,
  tx: Repositories,
  task: TaskRecord,
  instance: InstanceRecord,
  alive: boolean,
): Promise<ApiCode | null> {
  const project = await tx.projects.get(instance.project);
  const code = judgeReadiness({
    mode: task.mode,
    authorization: await decideFor(deps, tx, task, instance),
    serviceEnabled: project?.serviceEnabled ?? false,
    power: instance.power,
    agentState: instance.agentState,
    fenced: instance.fencedAt !== null,
    hasSealingKey: true,
    unfinished: false,
    supersede: false,
  });
  if (code !== null) return code;
  return alive ? null : 'agent-not-responding';
}

/** Who asked for it, with the rights of this moment. */
async function actorBehind(tx: Repositories, task: TaskRecord, now: number): Promise<Actor | null> {
  const reset = await tx.resets.get(task.resetId);
  return reset === null ? null : actorOfToken(await tx.tokens.get(reset.tokenId), now);
}

async function sendOrder(
  deps: DispatcherDeps,
  session: Session,
  departing: {
    readonly task: TaskRecord;
    readonly instance: InstanceRecord;
    readonly sealed: NonNullable<TaskRecord['sealed']>;
    readonly privileged: boolean;
    readonly isHeld: boolean;
  },
): Promise<void> {
  const { task, instance, sealed, privileged, isHeld } = departing;
  const entry = deps.script(instance.os);
  if (entry === null || instance.identity === null) return;
  const body: Order = {
    v: 1,
    taskId: task.id,
    resetId: task.resetId,
    instanceId: task.instanceId,
    identity: instance.identity,
    account: task.account,
    mode: task.mode,
    options: task.options,
    privileged,
    generation: task.generation,
    scriptDigest: entry.digest,
    sealed,
    notAfter: task.notAfter,
    passwordPolicy: deps.passwordPolicy,
    sessionBinding: session.binding,
    sessionAgeMs: Math.max(0, Math.floor(session.ageMs())),
    lifetimeMs: Math.max(1, Math.min(ORDER_LIFETIME_MS_MAX, task.notAfter - deps.clock.now())),
  };
  const order = await signJson(deps.orderSigner(), 'order', Order.parse(body));
  const at = isHeld ? null : deps.clock.now();
  session.sent.set(task.id, { digest: deps.hash(fromBase64Url(order.bytes)), at });
  session.send({ type: 'order', order, script: entry.script });
}
