import { RID_500, type AccountRef } from '../accounts.ts';
import { explain } from '../codes.ts';
import type { Digest } from '../encoding.ts';
import type { InstanceId, PublicKey, ResetId } from '../ids.ts';
import { TaskResult } from '../order.ts';
import type { PlannedTarget, ResetCounts, Task } from '../rest/resets.ts';
import { openSigned, thumbprintOf, type Verify } from '../signing.ts';
import { TASK_COUNTS_AS, type TaskState, type VerifiedBy, type Warning } from '../tasks.ts';

/** What became of one instance, as the client is willing to say it. */
export interface Outcome {
  readonly instanceId: InstanceId;
  readonly instance: string;
  /** Null where nothing was started (a dry run). */
  readonly state: TaskState | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly detail: string | null;
  readonly verifiedBy: VerifiedBy | null;
  readonly warnings: readonly Warning[];
  readonly appliedMs: number | null;
  readonly verifiedMs: number | null;
  readonly inForce: InForce;
}

/**
 * Whether the new password is the one that works now, by what this client knows itself: `no` when the instance was never
 * sent it or has signed that it did not get that far, `proven` when it has signed that a login works. What the control
 * plane alone says (cancelled, expired, failed, blocked) may be wrong or too early: the password is out of this client's hands.
 */
export type InForce = 'no' | 'possible' | 'proven';

/** What the client knows of a task by itself: enough to check the instance's signed word on it. */
export interface Expectation {
  readonly resetId: ResetId;
  readonly instanceId: InstanceId;
  readonly account: AccountRef;
  /** The pinned identity of the instance. */
  readonly identityKey: PublicKey;
  /** SHA-256 of the sealed bytes that this client sent. */
  readonly digest: Digest;
}

/** Codes of failures after which the new password may be the one that works, also by the instance's own word. */
const MAYBE_APPLIED: ReadonlySet<string> = new Set([
  'interrupted',
  'no-answer',
  'password-not-accepted',
  'pam-broken',
  'result-unproven',
  'script-failed',
  'script-timeout',
  'verification-inconclusive',
]);

const NOTHING_YET = {
  code: null,
  message: null,
  remedy: null,
  detail: null,
  verifiedBy: null,
  warnings: [],
  appliedMs: null,
  verifiedMs: null,
};

export function outcomeOfBlocked({ instanceId, name, blocked }: PlannedTarget): Outcome {
  return {
    ...NOTHING_YET,
    instanceId,
    instance: name,
    inForce: 'no',
    state: 'blocked',
    code: blocked?.code ?? null,
    message: blocked?.message ?? null,
    remedy: blocked?.remedy ?? null,
  };
}

/** A target of which nothing is known yet but that it was planned (null) or handed over. */
export function outcomeOfReady(target: { instanceId: InstanceId; name: string }, state: TaskState | null): Outcome {
  const inForce = state === null ? 'no' : 'possible';
  return { ...NOTHING_YET, instanceId: target.instanceId, instance: target.name, state, inForce };
}

/** A task on the control plane's word alone. */
export function outcomeOfTask(task: Task): Outcome {
  const { instanceId, instance, state, code, message, remedy, detail } = task;
  const { verifiedBy, warnings, appliedMs, verifiedMs } = task;
  return {
    ...{ instanceId, instance, state, code, message, remedy, detail, verifiedBy, warnings, appliedMs, verifiedMs },
    inForce: 'possible',
  };
}

/**
 * A task with its success checked: the instance itself must have signed it, about this reset, this account and the
 * very bytes that this client sealed. What is not proven that way is no success, whatever the control plane says.
 */
export async function judgeTask(task: Task, expected: Expectation, verify: Verify): Promise<Outcome> {
  const outcome = outcomeOfTask(task);
  const result = await signedResult(task, expected, verify);
  if (task.state !== 'succeeded')
    return result !== null && isUntouched(result) ? { ...outcome, inForce: 'no' } : outcome;
  if (result?.state !== 'succeeded') return unproven(outcome);
  return { ...outcome, verifiedBy: result.verifiedBy, warnings: result.warnings, inForce: 'proven' };
}

/**
 * What this client is willing to say of a task; `sent`: what it sent and to whom, null when it did not send the reset.
 * Where nothing was sent to that instance, no password of this client's is on it, and a success there is none.
 */
export async function judgeSent(
  task: Task,
  sent: ReadonlyMap<InstanceId, Expectation> | null,
  verify: Verify,
): Promise<Outcome> {
  if (sent === null) return outcomeOfTask(task);
  const expectation = sent.get(task.instanceId);
  if (expectation !== undefined) return judgeTask(task, expectation, verify);
  const outcome: Outcome = { ...outcomeOfTask(task), inForce: 'no' };
  return task.state === 'succeeded' ? unproven(outcome) : outcome;
}

/** Instances that something was sent to, and of which the control plane says nothing: silence is no success. */
export function outcomesOfSilence(
  sent: ReadonlyMap<InstanceId, Expectation & { readonly name?: string }> | null,
  isKnown: (instanceId: InstanceId) => boolean,
): Outcome[] {
  return [...(sent?.values() ?? [])]
    .filter(({ instanceId }) => !isKnown(instanceId))
    .map(({ instanceId, name = instanceId }) => unproven(outcomeOfReady({ instanceId, name }, 'pending')));
}

/** Whether the instance's own word is that its account has another password than this one. */
function isUntouched({ state, code, appliedMs }: TaskResult): boolean {
  return state === 'failed' && appliedMs === null && code !== null && !MAYBE_APPLIED.has(code);
}

/** What the control plane calls a success, or is silent about, without the instance's word. */
export function unproven(outcome: Outcome): Outcome {
  const { message, remedy } = explain('result-unproven');
  return { ...outcome, state: 'outcome-unknown', code: 'result-unproven', message, remedy, verifiedBy: null };
}

/** What the instance has signed about this reset, this account and the very bytes that this client sealed. */
async function signedResult(task: Task, expected: Expectation, verify: Verify): Promise<TaskResult | null> {
  const { result } = task;
  if (result === null) return null;
  if (result.key !== (await thumbprintOf(expected.identityKey))) return null;
  const opened = await openSigned(verify, expected.identityKey, 'result', TaskResult, result);
  if (!opened.ok) return null;
  const { body } = opened;
  const fits =
    body.resetId === expected.resetId &&
    body.taskId === task.id &&
    body.instanceId === expected.instanceId &&
    body.sealedDigest === expected.digest &&
    // The built-in administrator has a name that only the instance knows.
    (expected.account === RID_500 || body.account === expected.account);
  return fits ? body : null;
}

export function isFinished({ state }: { readonly state: TaskState | null }): boolean {
  return state !== null && TASK_COUNTS_AS[state] !== 'pending';
}

/** The sums of `outcomes`; what was planned and not started counts as pending. */
export function tallyOf(outcomes: Iterable<Pick<Outcome, 'state'>>): ResetCounts {
  const tally = { total: 0, succeeded: 0, failed: 0, blocked: 0, pending: 0 };
  for (const { state } of outcomes) {
    tally.total += 1;
    tally[state === null ? 'pending' : TASK_COUNTS_AS[state]] += 1;
  }
  return tally;
}
