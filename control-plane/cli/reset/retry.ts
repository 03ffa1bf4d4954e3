import {
  contradictedAccount,
  isOfRemoved,
  isRetried,
  judgeSent,
  type Expectation,
  type InstanceId,
  type Reset,
  type Task,
  type Verify,
} from '#protocol';
import { clientError } from '../errors.ts';
import { interpretReset, type ResetFlags, type ResetRequest } from './request.ts';

export interface Retry {
  /** What is tried again. Its password is another one: the first was not kept, here or there. */
  readonly request: ResetRequest;
  /** Instances that were removed since, by what is left of their names. */
  readonly removed: readonly string[];
}

/** The record of what was sent from here; null when there is none. */
export type Sent = ReadonlyMap<InstanceId, Expectation> | null;

/**
 * The reset of the same account, in the same way, on those instances on which it did not succeed. Throws when there are
 * none, and when the control plane tells of another account than the one that this client sealed for: the new password
 * would be sealed for that one.
 */
export async function retryOf(
  reset: Reset,
  tasks: readonly Task[],
  told: { readonly sent: Sent; readonly withCancelled: boolean; readonly flags: ResetFlags; readonly verify: Verify },
): Promise<Retry> {
  const { sent, withCancelled, flags, verify } = told;
  const chosen: Task[] = [];
  for (const task of tasks) {
    refuseOther(reset, task, sent?.get(task.instanceId) ?? null);
    const { state } = await judgeSent(task, sent, verify);
    if (isRetried(state, withCancelled)) chosen.push(task);
  }
  const removed = chosen.filter(isOfRemoved).map((task) => task.instance);
  const ids = chosen.filter((task) => !isOfRemoved(task)).map((task) => task.instanceId);
  if (ids.length === 0) throw clientError('nothing-to-retry');
  const asked = interpretReset(ids, { ...flags, ...termsOf(reset, flags) });
  const names = new Map(chosen.map(({ instanceId, instance }) => [instanceId, instance]));
  return { request: { ...asked, plan: { ...asked.plan, retryOf: reset.id }, chosenElsewhere: true, names }, removed };
}

function refuseOther(reset: Reset, task: Task, expected: Expectation | null): void {
  const account = contradictedAccount(reset, task, expected);
  if (expected === null || account === null) return;
  const message = `sent for ${expected.account}, now said to be for ${account}`;
  throw clientError('retry-unconfirmed', [{ subject: task.instance, code: 'retry-unconfirmed', message }]);
}

function termsOf({ mode, account, options, concurrency, stopAfterFailures }: Reset, flags: ResetFlags) {
  return {
    ...options,
    mode,
    account: account ?? undefined,
    concurrency: flags.concurrency ?? concurrency,
    stopAfter: flags.stopAfter ?? stopAfterFailures ?? undefined,
  };
}

/** `account alice, online, with unlock`, to be read before a password is typed. */
export function termsText({
  account,
  mode,
  options,
}: Pick<ResetRequest['plan'], 'account' | 'mode' | 'options'>): string {
  const names = [
    ...(options.unlock ? ['unlock'] : []),
    ...(options.unexpire ? ['unexpire'] : []),
    ...(options.mustChange ? ['must-change'] : []),
  ];
  const whose = account === null ? 'the default account' : `account ${account}`;
  return [whose, mode, ...(names.length === 0 ? [] : [`with ${names.join(', ')}`])].join(', ');
}
