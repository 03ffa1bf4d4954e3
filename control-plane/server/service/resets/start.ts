import {
  RESET_LIFETIME_MS_MAX,
  sealedBytes,
  type ApiCode,
  type InstanceId,
  type SealedPassword,
  type StartReset,
  type TaskId,
} from '#protocol';
import type * as z from 'zod';
import { auditName, type Actor } from '../../domain/actor.ts';
import { UNAPPLIED_STATES } from '../../domain/task.ts';
import type { InstanceRecord, PlannedTargetRecord, ResetRecord, TaskRecord } from '../../store/records.ts';
import type { Repositories } from '../../store/store.ts';
import { ApiError, type ErrorDetail } from '../errors.ts';
import type { Standing } from '../delivery.ts';
import { EXPRESS_INSTANCES_MAX } from '../express.ts';
import { ANYTHING } from '../gate.ts';
import { changeTask } from '../task-flow.ts';
import type { ResetDeps } from './deps.ts';
import { blockedReason, viewReadiness, type ReadinessView } from './readiness.ts';
import { sealingKeyIdOf } from './sealing-key.ts';

type Request = z.output<typeof StartReset>;

export type Started = { readonly done: true } | { readonly done: false; readonly received: number };

/** Second step of a reset: takes the ciphertexts; with the last chunk, starts it as one transaction or not at all. */
export async function startReset(deps: ResetDeps, actor: Actor, request: Request, arrivedAt: number): Promise<Started> {
  const subject = `reset:${request.resetId}`;
  using boarding = await deps.express.board(await expected(deps, actor, request));
  const started = await deps.gate.change(async (tx) => {
    const rule = deps.gate.decide(actor, 'reset.start', ANYTHING, { subject });
    const reset = await plannedReset(tx, actor, request, deps.clock.now());
    const planned = await takeChunk(tx, request);
    if (!request.final) {
      return { done: false, received: planned.filter((target) => target.sealed !== null).length } as const;
    }
    const batch = await judgeBatch(tx, actor, reset, planned, request);
    const tasks = await insertTasks(deps, tx, { actor, reset, batch, request, arrivedAt });
    await tx.resets.start(reset.id, { requestedAt: arrivedAt, notAfter: request.notAfter });
    const detail = { mode: reset.mode, tasks: tasks.length, blocked: batch.blocked.length, ...reset.options };
    await tx.audit.append(deps.gate.allowed(actor, 'reset.start', subject, rule, detail));
    const isOnItsWay = await boarding.depart(tx, standings(reset, batch, tasks));
    return { done: true, replaced: batch.replaced, isOnItsWay } as const;
  });
  if (!started.done) return started;
  // Before anything else that follows from it: the instance has its order while the answer is put together.
  await boarding.send();
  // After the commit: a lost wake-up is found by the sweep, a wake-up before it would find nothing.
  if (!started.isOnItsWay) deps.bus.wake([request.resetId]);
  for (const task of started.replaced) deps.bus.changed(task.resetId, [task.id]);
  deps.onErased();
  return { done: true };
}

/** The instances that will most likely be delivered to. Nobody is asked anything for a plan of somebody else. */
async function expected({ store }: ResetDeps, actor: Actor, request: Request): Promise<readonly InstanceId[]> {
  const isFew = request.sealed.length > 0 && request.sealed.length <= EXPRESS_INSTANCES_MAX;
  if (!request.final || !isFew) return [];
  const reset = await store.read.resets.get(request.resetId);
  if (reset?.tokenId !== actor.tokenId || reset.requestedAt !== null || reset.mode !== 'online') return [];
  return (await store.read.resets.targets(request.resetId)).map((target) => target.instanceId);
}

/**
 * How the new tasks stand: what was read and judged in this very transaction is not read again. Those that are ready come
 * first, and in their order.
 */
function standings(reset: ResetRecord, { ready }: Batch, tasks: readonly TaskRecord[]): readonly Standing[] {
  return ready.flatMap(({ instance }, place) => {
    const task = tasks[place];
    if (task === undefined) return [];
    // None is judged ready whose project does without the service.
    const judged = { serviceEnabled: true, hasTurn: place < reset.concurrency };
    return [{ task, instance, tokenId: reset.tokenId, ...judged }];
  });
}

async function plannedReset(tx: Repositories, actor: Actor, request: Request, now: number): Promise<ResetRecord> {
  const reset = await tx.resets.get(request.resetId);
  // A plan is its maker's alone; to others it does not exist.
  if (reset?.tokenId !== actor.tokenId) throw new ApiError('reset-not-found');
  if (reset.requestedAt !== null || reset.planExpiresAt <= now) throw new ApiError('reset-not-planned');
  if (request.notAfter <= now || request.notAfter > now + RESET_LIFETIME_MS_MAX) {
    throw new ApiError('reset-lifetime-invalid');
  }
  return reset;
}

async function takeChunk(tx: Repositories, request: Request): Promise<readonly PlannedTargetRecord[]> {
  const planned = new Map((await tx.resets.targets(request.resetId)).map((target) => [target.instanceId, target]));
  const unplanned = request.sealed.filter(({ instanceId }) => !planned.has(instanceId));
  if (unplanned.length > 0) {
    throw new ApiError('target-unplanned', {
      details: unplanned.map(({ instanceId }) => detail(instanceId, 'target-unplanned', 'It is not part of the plan.')),
    });
  }
  // With the last chunk all of them go into tasks, in this transaction.
  if (!request.final) await tx.resets.putSealed(request.resetId, request.sealed);
  for (const { instanceId, password } of request.sealed) {
    const target = planned.get(instanceId);
    if (target !== undefined) planned.set(instanceId, { ...target, sealed: password });
  }
  return [...planned.values()];
}

interface Batch {
  readonly ready: readonly { instance: InstanceRecord; target: PlannedTargetRecord; sealed: SealedPassword }[];
  readonly blocked: readonly { instance: InstanceRecord; target: PlannedTargetRecord; code: ApiCode }[];
  /** Unapplied tasks of the same accounts, which this reset replaces. */
  readonly replaced: readonly TaskRecord[];
}

/** Decides once more, now on what is true in this transaction. Whoever does not say skip gets all or nothing. */
async function judgeBatch(
  tx: Repositories,
  actor: Actor,
  reset: ResetRecord,
  planned: readonly PlannedTargetRecord[],
  request: Request,
): Promise<Batch> {
  const ids = planned.map((target) => target.instanceId);
  const instances = new Map((await tx.instances.getMany(ids)).map((instance) => [instance.id, instance]));
  const { mode, options, supersede } = reset;
  const view = await viewReadiness(tx, actor, { mode, options, supersede, batchSize: ids.length }, ids);
  const present = planned.flatMap((target) => {
    const instance = instances.get(target.instanceId);
    return instance === undefined ? [] : [{ instance, target, code: view.judge(instance, target.account) }];
  });
  const blocked = present.flatMap((entry) => (entry.code === null ? [] : [{ ...entry, code: entry.code }]));
  const free = present.filter((entry) => entry.code === null);
  // A batch of nothing would have no task whose end could end it.
  if (present.length === 0) {
    const gone = planned.map(({ instanceId }) => detail(instanceId, 'instance-not-found', 'It was removed.'));
    throw new ApiError('instance-not-found', { details: gone });
  }
  refuseBlocked(blocked, free.length, request.skipBlocked);
  const ready = free.map(({ instance, target }) => ({ instance, target, sealed: sealedFor(instance, target) }));
  return { ready, blocked, replaced: ready.flatMap(({ target }) => replacedBy(view, target)) };
}

function refuseBlocked(blocked: Batch['blocked'], free: number, skipBlocked: boolean): void {
  if (blocked.length === 0 || (skipBlocked && free > 0)) return;
  throw new ApiError('targets-blocked', {
    details: blocked.map(({ instance, code }) => {
      const reason = blockedReason(code, instance);
      return detail(instance.name, code, `${reason.message} ${reason.remedy}`);
    }),
  });
}

function sealedFor(instance: InstanceRecord, target: PlannedTargetRecord): SealedPassword {
  const wrong = (code: ApiCode, message: string) =>
    new ApiError(code, { details: [detail(instance.name, code, message)] });
  const current = sealingKeyIdOf(instance);
  if (current !== target.keyId || instance.identity !== target.identity) {
    throw wrong('agent-key-changed', 'Its sealing key is another one than in the plan.');
  }
  if (target.sealed === null) throw wrong('targets-incomplete', 'There is no sealed password for it.');
  if (target.sealed.keyId !== current) throw wrong('agent-key-changed', 'The password is sealed to another key.');
  return target.sealed;
}

function replacedBy(view: ReadinessView, target: PlannedTargetRecord): readonly TaskRecord[] {
  const unfinished = view.unfinished(target.instanceId, target.account);
  return unfinished.filter((task) => UNAPPLIED_STATES.includes(task.state));
}

async function insertTasks(
  deps: ResetDeps,
  tx: Repositories,
  start: { actor: Actor; reset: ResetRecord; batch: Batch; request: Request; arrivedAt: number },
): Promise<readonly TaskRecord[]> {
  const { actor, reset, batch, request, arrivedAt } = start;
  const at = deps.clock.now();
  for (const task of batch.replaced) {
    await changeTask(tx, task, { type: 'supersede' }, { actor: auditName(actor), at });
  }
  const base = {
    resetId: reset.id,
    mode: reset.mode,
    options: reset.options,
    notAfter: request.notAfter,
    requestedAt: arrivedAt,
    updatedAt: at,
    ...NOTHING_YET,
  };
  const tasks: TaskRecord[] = [];
  for (const { target, sealed } of batch.ready) {
    const { instanceId, account } = target;
    const generation = await tx.generations.next(instanceId, account);
    const id = deps.random.uuid() as TaskId;
    const sealedDigest = deps.hash(sealedBytes(sealed));
    tasks.push({ ...base, id, instanceId, account, generation, state: 'pending', sealed, sealedDigest });
  }
  for (const { target, code } of batch.blocked) {
    const { instanceId, account } = target;
    const id = deps.random.uuid() as TaskId;
    tasks.push({ ...base, id, instanceId, account, generation: 0, state: 'blocked', code });
  }
  await tx.tasks.insert(tasks);
  return tasks;
}

const NOTHING_YET = {
  sealed: null,
  sealedDigest: null,
  dispatchedAt: null,
  code: null,
  detail: null,
  verifiedBy: null,
  warnings: [],
  appliedMs: null,
  verifiedMs: null,
  result: null,
} as const;

function detail(subject: InstanceId | string, code: ApiCode, message: string): ErrorDetail {
  return { subject, code, message };
}
