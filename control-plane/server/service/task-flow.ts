import type { Code, InstanceId, ResetId, Signed, TaskResult, TaskState } from '#protocol';
import { FAILURE_STATES, mustStop } from '../domain/batch.ts';
import { CODE_OF_END, isUnfinished, nextTaskState, UNAPPLIED_STATES, type TaskEvent } from '../domain/task.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, TaskChange } from '../store/store.ts';

/** What a change of a task says beside its new state. */
export interface TaskNews {
  readonly code?: Code | null;
  readonly detail?: string | null;
  readonly dispatchedAt?: number;
  readonly outcome?: {
    readonly result: TaskResult;
    readonly signed: Signed;
    /** When the order that the instance took left, if that was in the session that brings the result; else null. */
    readonly sentAt: number | null;
  };
}

/**
 * The one way in which a task changes: the transition table decides, the row changes only if nobody else changed it
 * meanwhile, the audit record is written in the same transaction, and what was sealed is erased when the task ends.
 * Returns the new state, or null when the event does not apply.
 */
export async function changeTask(
  tx: Repositories,
  task: TaskRecord,
  event: TaskEvent,
  cause: { readonly actor: string; readonly at: number; readonly rule?: string },
  news: TaskNews = {},
): Promise<TaskState | null> {
  const next = nextTaskState(task.state, event);
  if (next === null) return null;
  const code = news.code === undefined ? (CODE_OF_END[next] ?? null) : news.code;
  const change = changeOf(task, next, cause.at, code, news);
  if (!(await tx.tasks.update(task.id, task.state, change))) return null;
  // The same state again is no change; but what the instance says of it is worth a record.
  if (next === task.state && news.outcome === undefined) return next;
  await tx.audit.append({
    at: cause.at,
    actor: cause.actor,
    action: 'task.state',
    resource: `task:${task.id}`,
    decision: null,
    rule: cause.rule ?? null,
    code,
    detail: { reset: task.resetId, instance: task.instanceId, account: task.account, from: task.state, to: next },
  });
  if (!isUnfinished(next) && !(await tx.tasks.hasUnfinished(task.resetId))) {
    await tx.resets.finish(task.resetId, cause.at);
  }
  if (FAILURE_STATES.includes(next)) await stopIfTooMany(tx, task.resetId, cause.at);
  return next;
}

/** Marks the reset as stopped, from which on nothing more of it is sent. What waits is cancelled after that, in steps. */
async function stopIfTooMany(tx: Repositories, id: ResetId, at: number): Promise<void> {
  const reset = await tx.resets.get(id);
  if (reset === null) return;
  const failures = await tx.tasks.countIn(id, FAILURE_STATES);
  const unsent = await tx.tasks.countIn(id, UNAPPLIED_STATES);
  if (!mustStop(reset, failures, unsent)) return;
  await tx.resets.stop(id, at);
  await tx.audit.append({
    at,
    actor: 'system',
    action: 'reset.stop',
    resource: `reset:${id}`,
    decision: null,
    rule: null,
    code: 'stopped-after-failures',
    detail: { failures, unsent },
  });
}

/**
 * Ends all that is open for an instance whose identity counts no more: what was not sent is blocked; of the rest nobody
 * will be believed who says how it ended. Returns what was ended.
 */
export async function endTasksOf(
  tx: Repositories,
  id: InstanceId,
  codes: { readonly unapplied: Code; readonly underWay: Code },
  at: number,
): Promise<readonly TaskRecord[]> {
  const open = await tx.tasks.unfinishedOf([id]);
  for (const task of open) {
    const isUnapplied = UNAPPLIED_STATES.includes(task.state);
    const event = { type: isUnapplied ? 'block' : 'expire' } as const;
    await changeTask(
      tx,
      task,
      event,
      { actor: 'system', at },
      { code: isUnapplied ? codes.unapplied : codes.underWay },
    );
  }
  return open;
}

function changeOf(task: TaskRecord, next: TaskState, at: number, code: Code | null, news: TaskNews): TaskChange {
  const outcome = news.outcome?.result;
  // The instance counts from the order's arrival. The row's moment lies before its commit, so it is the second best.
  const departedAt = news.outcome?.sentAt ?? task.dispatchedAt;
  const sinceRequest = (ms: number | null): number | null => {
    if (ms === null || departedAt === null) return null;
    // Its clock is another one than ours, but nothing that it reports happened after we heard of it.
    return Math.min(Math.max(0, departedAt - task.requestedAt) + ms, Math.max(0, at - task.requestedAt));
  };
  return {
    state: next,
    updatedAt: at,
    code,
    detail: news.detail ?? outcome?.detail ?? null,
    ...(news.dispatchedAt === undefined ? {} : { dispatchedAt: news.dispatchedAt }),
    ...(isUnfinished(next) ? {} : { sealed: null }),
    ...(outcome === undefined
      ? {}
      : {
          result: news.outcome?.signed ?? null,
          verifiedBy: outcome.verifiedBy,
          warnings: outcome.warnings,
          appliedMs: sinceRequest(outcome.appliedMs),
          verifiedMs: sinceRequest(outcome.verifiedMs),
        }),
  };
}
