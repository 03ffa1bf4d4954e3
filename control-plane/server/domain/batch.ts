import type { ResetState, TaskState } from '#protocol';

/** What is known of a reset as a whole: how fast it may go, and when what happened to it. */
export interface Batch {
  readonly concurrency: number;
  readonly stopAfterFailures: number | null;
  readonly pausedAt: number | null;
  readonly stoppedAt: number | null;
  readonly finishedAt: number | null;
}

/** That a reset stopped stays true when it is through; that it was paused does not matter then. */
export function resetStateOf(batch: Batch): ResetState {
  if (batch.stoppedAt !== null) return 'stopped';
  if (batch.finishedAt !== null) return 'finished';
  return batch.pausedAt === null ? 'running' : 'paused';
}

/** What is to be done with the tasks of a reset that were not sent yet. */
export type BatchDecision =
  /** So many may leave now; 0 while as many as may be are with their instances. */
  | { readonly do: 'send'; readonly room: number }
  /** It is paused. */
  | { readonly do: 'hold' }
  /** It has stopped: they are to be cancelled. */
  | { readonly do: 'cancel' }
  /** There are none. */
  | { readonly do: 'nothing' };

/** `inFlight` is how many of its tasks are with their instances. */
export function decideBatch(batch: Batch, inFlight: number): BatchDecision {
  if (batch.finishedAt !== null) return { do: 'nothing' };
  const state = resetStateOf(batch);
  switch (state) {
    case 'stopped':
      return { do: 'cancel' };
    case 'paused':
      return { do: 'hold' };
    case 'finished':
      return { do: 'nothing' };
    case 'running':
      return { do: 'send', room: Math.max(0, batch.concurrency - inFlight) };
    default:
      return state satisfies never;
  }
}

/**
 * As what a task counts that was sent and did not succeed. Blocked ones do not: nothing was sent to them, and what keeps
 * them back was known or is no fault of the reset.
 */
export const FAILURE_STATES: readonly TaskState[] = ['failed', 'outcome-unknown'];

/** Whether the reset is to stop now, with so many failures and so many tasks that were not sent. */
export function mustStop(batch: Batch, failures: number, unsent: number): boolean {
  if (batch.stopAfterFailures === null || batch.stoppedAt !== null || batch.finishedAt !== null) return false;
  // With nothing left to keep back, nothing is stopped.
  return failures >= batch.stopAfterFailures && unsent > 0;
}
