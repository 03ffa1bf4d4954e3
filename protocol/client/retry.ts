import { defaultAccount, type AccountRef } from '../accounts.ts';
import type { Reset, Task } from '../rest/resets.ts';
import type { TaskState } from '../tasks.ts';
import type { Expectation } from './outcome.ts';

const RETRIED: ReadonlySet<TaskState> = new Set(['failed', 'blocked', 'task-expired', 'outcome-unknown']);

/** What may be tried again: what did not succeed, and what was cancelled where that is wanted. */
export function isRetried(state: TaskState | null, withCancelled: boolean): boolean {
  return state !== null && (RETRIED.has(state) || (withCancelled && state === 'cancelled'));
}

/** Of an instance that was removed only its id is left. */
export function isOfRemoved({ instance, instanceId }: Pick<Task, 'instance' | 'instanceId'>): boolean {
  return instance === instanceId;
}

/**
 * The account that the control plane now names, where that is another than the one that this client sealed for: the new
 * password would be sealed for it. Null where the two agree, or where nothing was sent from here.
 */
export function contradictedAccount(
  reset: Pick<Reset, 'account'>,
  { os }: Pick<Task, 'os'>,
  sent: Pick<Expectation, 'account'> | null,
): AccountRef | null {
  const account = reset.account ?? defaultAccount(os);
  return sent === null || sent.account === account ? null : account;
}
