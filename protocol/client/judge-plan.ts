import type * as z from 'zod';
import { defaultAccount, type AccountRef } from '../accounts.ts';
import { explain, type Code } from '../codes.ts';
import type { InstanceId, OperatingSystem, PublicKey, Thumbprint } from '../ids.ts';
import { CLOCK_SKEW_MS_MAX } from '../limits.ts';
import type { SealingKeyStatement } from '../order.ts';
import type { PlannedTarget, PlanReset, ResetPlan } from '../rest/resets.ts';
import { judgeSealingKey } from '../sealing.ts';
import { thumbprintOf, type Verify } from '../signing.ts';
import { judgeIdentity, type KnownInstance, type PinIndex } from './identities.ts';

/** Something that a client found to be wrong, and with what. */
export interface Finding {
  /** An instance's name, `plan`, `clock`. */
  readonly subject: string;
  readonly code: Code;
  readonly message: string;
}

/** A target that can be sealed to: its identity is the pinned one, and vouches for the key. */
export interface ReadyTarget {
  readonly instanceId: InstanceId;
  readonly name: string;
  readonly os: OperatingSystem;
  readonly account: AccountRef;
  readonly identityKey: PublicKey;
  readonly identity: Thumbprint;
  readonly sealingKey: SealingKeyStatement;
}

export interface PlanVerdict {
  readonly ready: readonly ReadyTarget[];
  readonly blocked: readonly PlannedTarget[];
  /** Why nothing may be sent at all; empty when all is well. */
  readonly refusals: readonly Finding[];
  /** What is to be pinned: identities seen for the first time, and renamed ones. */
  readonly pins: readonly KnownInstance[];
  /** Those of the pins that are seen for the first time. */
  readonly newcomers: readonly KnownInstance[];
  /** What the operator should know about the other pins. */
  readonly notes: readonly string[];
}

export interface PlanExpectation {
  readonly request: {
    /** What was asked for: the plan is held against it. */
    readonly plan: z.output<typeof PlanReset>;
    /** Refuse identities that are not pinned yet. */
    readonly strictIdentities: boolean;
    /** What instances that are asked for by id were called when a person chose them; not needed for names. */
    readonly names?: ReadonlyMap<InstanceId, string>;
  };
  readonly pins: PinIndex;
  readonly verify: Verify;
  /** The client's clock, milliseconds since the epoch. */
  readonly now: number;
}

/** How many keys are judged at once. */
const PARALLEL = 64;

/** Takes nothing in the plan on the control plane's word that the client can check. */
export async function judgePlan(plan: ResetPlan, expected: PlanExpectation): Promise<PlanVerdict> {
  const general = planRefusals(plan, expected);
  const verdicts: TargetVerdict[] = [];
  for (let at = 0; at < plan.targets.length; at += PARALLEL) {
    const some = plan.targets.slice(at, at + PARALLEL).map((target) => judgeTarget(target, expected));
    verdicts.push(...(await Promise.all(some)));
  }
  return {
    ready: verdicts.flatMap((verdict) => (verdict.kind === 'ready' ? [verdict.target] : [])),
    blocked: plan.targets.filter((target) => target.blocked !== null),
    refusals: [...general, ...verdicts.flatMap((verdict) => (verdict.kind === 'refused' ? [verdict.refusal] : []))],
    pins: verdicts.flatMap((verdict) => (verdict.kind === 'ready' && verdict.pin !== null ? [verdict.pin] : [])),
    newcomers: verdicts.flatMap((verdict) =>
      verdict.kind === 'ready' && verdict.pin !== null && verdict.note === null ? [verdict.pin] : [],
    ),
    notes: verdicts.flatMap((verdict) => (verdict.kind === 'ready' && verdict.note !== null ? [verdict.note] : [])),
  };
}

/** What is wrong with the plan as a whole. */
function planRefusals(plan: ResetPlan, { request, now }: PlanExpectation): Finding[] {
  const refusals: Finding[] = [];
  if (Math.abs(plan.now - now) > CLOCK_SKEW_MS_MAX) {
    const message = `control plane ${new Date(plan.now).toISOString()}, here ${new Date(now).toISOString()}`;
    refusals.push({ subject: 'clock', code: 'clock-disagrees', message });
  }
  const ids = new Set<string>(plan.targets.map(({ instanceId }) => instanceId));
  const names = new Set<string>(plan.targets.map(({ name }) => name));
  if (Math.min(ids.size, names.size) !== plan.targets.length) {
    refusals.push(invalid('plan', 'the plan names an instance twice'));
  }
  // A person chose a name, and an id stands for it: a known id under a chosen name would get what is not meant for it.
  for (const { instanceId, name } of plan.targets) {
    const chosen = request.names?.get(instanceId) ?? name;
    if (chosen === name) continue;
    refusals.push({ subject: chosen, code: 'instance-renamed', message: `chosen as ${chosen}, now called ${name}` });
  }
  // What is left out would be missing in the report, which could then say that everything succeeded.
  for (const asked of request.plan.targets.instances) {
    if (!names.has(asked) && !ids.has(asked))
      refusals.push(invalid(asked, 'the plan leaves out an instance that was asked for'));
  }
  // With tags, what matches is the control plane's to say; names are the operator's.
  if (request.plan.targets.tags.length === 0) {
    const asked = new Set<string>(request.plan.targets.instances);
    for (const { name, instanceId } of plan.targets) {
      if (!asked.has(name) && !asked.has(instanceId))
        refusals.push(invalid(name, 'the plan names an instance that was not asked for'));
    }
  }
  return refusals;
}

type TargetVerdict =
  | { kind: 'ready'; target: ReadyTarget; pin: KnownInstance | null; note: string | null }
  | { kind: 'refused'; refusal: Finding }
  | { kind: 'blocked' };

async function judgeTarget(target: PlannedTarget, expected: PlanExpectation): Promise<TargetVerdict> {
  if (target.blocked !== null) return { kind: 'blocked' };
  const { instanceId, name, os, account, identityKey, sealingKey } = target;
  if (identityKey === null || sealingKey === null) {
    return { kind: 'refused', refusal: invalid(name, 'the plan holds no key for an instance that it does not block') };
  }
  // The seal binds the account: the control plane may not choose it.
  if (account !== (expected.request.plan.account ?? defaultAccount(os))) {
    return { kind: 'refused', refusal: invalid(name, 'the plan is about another account') };
  }

  const identity = await thumbprintOf(identityKey);
  const verdict = judgeIdentity(expected.pins, { instanceId, name, identity });
  if (verdict.kind === 'changed') return { kind: 'refused', refusal: changedDetail(verdict.pinned, verdict.presented) };
  if (verdict.kind === 'new' && expected.request.strictIdentities) {
    const message = `${explain('identity-unknown').message} It presents ${verdict.pin.fingerprint}.`;
    return { kind: 'refused', refusal: { subject: name, code: 'identity-unknown', message } };
  }

  const key = await judgeSealingKey(expected.verify, { instanceId, identityKey, now: expected.now }, sealingKey);
  if (!key.ok) {
    return { kind: 'refused', refusal: { subject: name, code: key.code, message: explain(key.code).message } };
  }
  const ready = { instanceId, name, os, account, identityKey, identity, sealingKey: key.statement };
  if (verdict.kind === 'known') return { kind: 'ready', target: ready, pin: null, note: null };
  const note = verdict.kind === 'new' ? null : `${name}: known before as ${verdict.before.name}`;
  return { kind: 'ready', target: ready, pin: verdict.pin, note };
}

/** A changed identity in one sentence, with both fingerprints. */
export function changedDetail(pinned: KnownInstance, presented: KnownInstance): Finding {
  const message =
    pinned.instanceId === presented.instanceId
      ? `pinned ${pinned.fingerprint}, presented ${presented.fingerprint}`
      : `the name is pinned for instance ${pinned.instanceId} (${pinned.fingerprint}); ` +
        `presented is instance ${presented.instanceId} (${presented.fingerprint})`;
  return { subject: presented.name, code: 'identity-changed', message };
}

function invalid(subject: string, message: string): Finding {
  return { subject, code: 'control-plane-answer-invalid', message };
}
