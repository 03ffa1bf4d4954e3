import { PLAN_LIFETIME_MS, type PlanReset, type PlannedTarget, type ResetId, type ResetPlan } from '#protocol';
import type * as z from 'zod';
import { auditName, type Actor } from '../../domain/actor.ts';
import type { InstanceRecord, PlannedTargetRecord } from '../../store/records.ts';
import { ANYTHING } from '../gate.ts';
import type { ResetDeps } from './deps.ts';
import { blockedReason, viewReadiness } from './readiness.ts';
import { sealingKeyIdOf } from './sealing-key.ts';
import { accountOn, refuseMixed, resolveTargets } from './targets.ts';
import { visibleReset } from './visibility.ts';

/** First step of a reset, and the dry run: decides everything that can be decided without touching anything. */
export async function planReset(
  deps: ResetDeps,
  actor: Actor,
  request: z.output<typeof PlanReset>,
): Promise<ResetPlan> {
  const { store, clock } = deps;
  const subject = 'reset:plan';
  await deps.gate.guard(() => Promise.resolve(deps.gate.decide(actor, 'reset.plan', ANYTHING, { subject })));
  if (request.retryOf !== null) await visibleReset(deps, store.read, actor, 'reset.read', request.retryOf);
  const instances = await resolveTargets(store.read, actor, request.targets);
  if (request.mode === 'online') refuseMixed(instances);
  const now = clock.now();
  const { mode, options, supersede } = request;
  const ids = instances.map((instance) => instance.id);
  const view = await viewReadiness(store.read, actor, { mode, options, supersede, batchSize: ids.length }, ids);
  const resetId = deps.random.uuid() as ResetId;
  const planned = instances.map((instance) => {
    const account = accountOn(instance, request.account);
    return { instance, account, code: view.judge(instance, account) };
  });
  const records: PlannedTargetRecord[] = planned.map(({ instance, account, code }) => ({
    resetId,
    instanceId: instance.id,
    account,
    identity: instance.identity,
    keyId: sealingKeyIdOf(instance),
    blocked: code,
    sealed: null,
  }));
  const expiresAt = now + PLAN_LIFETIME_MS;
  const reset = {
    id: resetId,
    mode,
    account: request.account,
    options,
    supersede,
    tokenId: actor.tokenId,
    requestedBy: auditName(actor),
    plannedAt: now,
    planExpiresAt: expiresAt,
    requestedAt: null,
    notAfter: null,
    finishedAt: null,
    concurrency: request.concurrency,
    stopAfterFailures: request.stopAfterFailures,
    retryOf: request.retryOf,
    pausedAt: null,
    stoppedAt: null,
  };
  await store.transaction((tx) => tx.resets.insert(reset, records));
  const targets = planned.map(({ instance, account, code }): PlannedTarget => ({
    ...identityOf(instance),
    account,
    sealingKey: code === null ? instance.sealingKey : null,
    blocked: code === null ? null : blockedReason(code, instance),
  }));
  return { resetId, mode, options, supersede, passwordPolicy: deps.passwordPolicy, targets, now, expiresAt };
}

function identityOf(instance: InstanceRecord) {
  const { id, name, os, project, identityKey } = instance;
  return { instanceId: id, name, os, project, identityKey };
}
