import {
  judgeTask,
  outcomeOfTask,
  unproven,
  type AccountRef,
  type InstanceId,
  type OperatingSystem,
  type Outcome,
  type Task,
  type TaskState,
  type Verify,
} from '#protocol';
import type { SentTargets } from '../../parts/reset/sent.ts';

/** A task as this browser is willing to say it. */
export interface Row extends Omit<Outcome, 'state' | 'inForce'> {
  readonly os: OperatingSystem;
  readonly account: AccountRef;
  readonly state: TaskState;
  /** `here`: the instance has signed what this browser sealed. `told`: the control plane says so. */
  readonly proof: 'here' | 'told' | null;
  /** As the control plane has it, to know the newer of two. */
  readonly toldState: TaskState;
  readonly updatedAt: number;
}

/** Checks what can be checked. Without a record of what was sent from here, that is nothing. */
export async function rowOf(task: Task, sent: SentTargets | null, verify: Verify): Promise<Row> {
  const { inForce, ...outcome } = await judge(task, sent, verify);
  const { os, account, updatedAt } = task;
  const state = outcome.state ?? task.state;
  const proof = state !== 'succeeded' ? null : inForce === 'proven' ? 'here' : 'told';
  return { ...outcome, os, account, updatedAt, state, proof, toldState: task.state };
}

async function judge(task: Task, sent: SentTargets | null, verify: Verify): Promise<Outcome> {
  if (sent === null) return outcomeOfTask(task);
  const expected = sent.get(task.instanceId);
  if (expected !== undefined) return judgeTask(task, expected, verify);
  // Nothing was sent to that instance from here: no password of this browser's is on it, and a success there is none.
  const outcome = outcomeOfTask(task);
  return task.state === 'succeeded' ? unproven(outcome) : outcome;
}

/** The one that knows more. */
export function newerOf(one: Row, other: Row | undefined): Row {
  return other !== undefined && other.updatedAt >= one.updatedAt ? other : one;
}

const RETRIED: ReadonlySet<TaskState> = new Set(['failed', 'blocked', 'task-expired', 'outcome-unknown']);

/** What may be tried again: what did not succeed, and what was cancelled where that is wanted. */
export function retryable(
  rows: readonly Row[],
  withCancelled: boolean,
): readonly { readonly id: InstanceId; readonly name: string; readonly os: OperatingSystem }[] {
  return rows
    .filter(({ state }) => RETRIED.has(state) || (withCancelled && state === 'cancelled'))
    .filter(({ instance, instanceId }) => instance !== instanceId) // Of one that was removed only its id is left.
    .map(({ instanceId, instance, os }) => ({ id: instanceId, name: instance, os }));
}
