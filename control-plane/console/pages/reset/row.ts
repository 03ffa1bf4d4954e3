import {
  isOfRemoved,
  isRetried,
  judgeSent,
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
  const { inForce, ...outcome } = await judgeSent(task, sent, verify);
  const { os, account, updatedAt } = task;
  const state = outcome.state ?? task.state;
  const proof = state !== 'succeeded' ? null : inForce === 'proven' ? 'here' : 'told';
  return { ...outcome, os, account, updatedAt, state, proof, toldState: task.state };
}

/** The one that knows more. */
export function newerOf(one: Row, other: Row | undefined): Row {
  return other !== undefined && other.updatedAt >= one.updatedAt ? other : one;
}

/** What may be tried again, and is still there. */
export function retryable(
  rows: readonly Row[],
  withCancelled: boolean,
): readonly { readonly id: InstanceId; readonly name: string; readonly os: OperatingSystem }[] {
  return rows
    .filter((row) => isRetried(row.state, withCancelled) && !isOfRemoved(row))
    .map(({ instanceId, instance, os }) => ({ id: instanceId, name: instance, os }));
}
