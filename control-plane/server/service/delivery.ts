import {
  ORDER_LIFETIME_MS_MAX,
  Order,
  fromBase64Url,
  signJson,
  type ApiCode,
  type InstanceId,
  type OperatingSystem,
  type PasswordPolicy,
  type ResetId,
  type Signer,
  type TaskId,
  type TokenId,
} from '#protocol';
import { actorOfToken } from '../domain/actor.ts';
import { decideBatch } from '../domain/batch.ts';
import { authorizeReset, judgeReset, type ResetQuestion } from '../domain/readiness.ts';
import { IN_FLIGHT_STATES } from '../domain/task.ts';
import type { Session } from '../gateway/session.ts';
import type { SessionDirectory } from '../gateway/session-directory.ts';
import type { Bus } from '../bus/bus.ts';
import type { InstanceRecord, ResetRecord, TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { CatalogueScript, Clock, Hash, Log } from './ports.ts';
import { changeTask } from './task-flow.ts';

export interface DeliveryDeps {
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

/**
 * Sends what is open for that instance, if it has a session and answers in it. Returns the resets whose turn for it has
 * not come.
 */
export async function deliverInstance(deps: DeliveryDeps, id: InstanceId): Promise<readonly ResetId[]> {
  const session = deps.directory.find(id, 'agent');
  if (session === null) return [];
  const now = deps.clock.now();
  const unfinished = await deps.store.read.tasks.unfinishedOf([id]);
  const open = unfinished.filter((task) => task.mode === 'online' && task.notAfter > now && !session.sent.has(task.id));
  if (open.length === 0) return [];
  // The health that was last reported cannot know what happened since: nothing is sent without a fresh answer.
  const alive = await session.liveness.ask();
  const held: ResetId[] = [];
  for (const task of open) {
    if ((await deliverTask(deps, session, task, alive)) === 'held') held.push(task.resetId);
  }
  return held;
}

async function deliverTask(
  deps: DeliveryDeps,
  session: Session,
  task: TaskRecord,
  alive: boolean,
): Promise<'held' | 'done'> {
  const departure = await deps.store.transaction(async (tx) => {
    const standing = await readStanding(tx, task.id);
    return standing === null ? null : depart(deps, tx, standing, alive);
  });
  if (departure === 'held') return 'held';
  deps.bus.changed(task.resetId, [task.id]);
  if (departure !== null) await sendOrder(deps, session, departure);
  return 'done';
}

/** A task that is recorded as dispatched, and what its order needs. */
export interface Departure {
  readonly task: TaskRecord;
  readonly instance: InstanceRecord;
  readonly sealed: NonNullable<TaskRecord['sealed']>;
  readonly privileged: boolean;
  /** The instance has said that it holds the order. */
  readonly isHeld: boolean;
}

/** How a task stands, as read or written in the transaction in which it is to leave. */
export interface Standing {
  readonly task: TaskRecord;
  readonly instance: InstanceRecord;
  /** Whose reset it is. */
  readonly tokenId: TokenId;
  readonly serviceEnabled: boolean;
  /** One more task of its reset may leave. */
  readonly hasTurn: boolean;
}

/** Between the request and now anything may have changed. */
async function readStanding(tx: Repositories, id: TaskId): Promise<Standing | null> {
  const task = await tx.tasks.get(id);
  const instance = task === null ? null : await tx.instances.get(task.instanceId);
  const reset = task === null ? null : await tx.resets.get(task.resetId);
  if (task === null || instance === null || reset === null) return null;
  const project = await tx.projects.get(instance.project);
  // What has been sent before does not ask again: it is to come to its end.
  const hasTurn = task.state !== 'pending' || (await isItsTurn(tx, reset));
  return { task, instance, tokenId: reset.tokenId, serviceEnabled: project?.serviceEnabled ?? false, hasTurn };
}

/**
 * The last look before an order leaves, in the transaction that records that it does: rights, health, whose turn it is.
 * `alive`: the agent has just answered. What is returned is to be sent once that is committed; null when nothing is to
 * be, `held` when the turn of the task has not come.
 */
export async function depart(
  { clock }: Pick<DeliveryDeps, 'clock'>,
  tx: Repositories,
  standing: Standing,
  alive: boolean,
): Promise<Departure | 'held' | null> {
  const at = clock.now();
  const { task: current, instance } = standing;
  if (current.sealed === null) return null;
  const question = await questionOf(tx, standing, at);
  if (current.state === 'pending') {
    if (!standing.hasTurn) return 'held';
    const blocked = judgeReset(question) ?? (alive ? null : 'agent-not-responding');
    if (blocked !== null) {
      await changeTask(tx, current, { type: 'block' }, { actor: 'system', at }, { code: blocked });
      return null;
    }
  } else {
    // Sent before, and perhaps never received: it is not sent once more for somebody who may not have it done any more.
    const denied = judgeRights(question);
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
  return { task: current, instance, sealed: current.sealed, privileged: question.actor?.privileged ?? false, isHeld };
}

/** Asked in the transaction in which the task leaves, so that no two that leave at the same time both take the last place. */
async function isItsTurn(tx: Repositories, reset: ResetRecord): Promise<boolean> {
  const decision = decideBatch(reset, await tx.tasks.countIn(reset.id, IN_FLIGHT_STATES));
  return decision.do === 'send' && decision.room > 0;
}

/** Whether who asked for it still may, for a project that still wants it. */
function judgeRights(question: ResetQuestion): ApiCode | null {
  if (!authorizeReset(question).allow) return 'account-not-authorised';
  return question.serviceEnabled ? null : 'service-not-authorised';
}

/** What decides over the task now, with the rights that who asked for it has at this moment. */
async function questionOf(
  tx: Repositories,
  { task, instance, tokenId, serviceEnabled }: Standing,
  now: number,
): Promise<ResetQuestion> {
  return {
    actor: actorOfToken(await tx.tokens.get(tokenId), now),
    target: instance,
    serviceEnabled,
    reset: { mode: task.mode, options: task.options, account: task.account },
    // It is the one that is in progress.
    unfinished: false,
    supersede: false,
  };
}

/** After the commit of what `depart` recorded. */
export async function sendOrder(deps: DeliveryDeps, session: Session, departure: Departure): Promise<void> {
  const { task, instance, sealed, privileged, isHeld } = departure;
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
  session.sendAtOnce({ type: 'order', order, script: entry.script });
}
