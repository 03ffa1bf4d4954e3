import { UNAPPLIED_STATES } from '../domain/task.ts';
import type { Repositories, Store } from '../store/store.ts';
import { changeTask } from './task-flow.ts';

const PAGE_ROWS = 500;
/** Later than every limit: all plans have expired, all tasks are overdue. */
const END_OF_TIME_MS = Number.MAX_SAFE_INTEGER;

/** What was given up, for the operator who restored. */
export interface RestoreCleanup {
  readonly cancelledTasks: number;
  /** Tasks that an instance may have carried out since the backup was made. */
  readonly unknownTasks: number;
  readonly voidPlans: number;
  readonly revokedJoinTokens: number;
}

/**
 * What has to be done to a store that was restored from a backup, before a control plane runs on it: one transaction.
 *
 * What happened after the backup was made is not known here, but it did happen. So nothing that stood open then may be
 * taken up again as if it still did: a task that had not been delivered may have been since (it is cancelled; a result
 * that the instance still owes is taken all the same), of one that had been, the outcome may have been told to a store
 * that is gone. A plan may have been started, and its id used up. A secret may have been handed over, so that whoever
 * comes next may present any; the clones among them are told apart from then on.
 */
export async function cleanUpAfterRestore(store: Store, now: number): Promise<RestoreCleanup> {
  const counts = await store.transaction(async (tx) => {
    const tasks = await endOpenTasks(tx, now);
    const voidPlans = await tx.resets.deleteExpiredPlans(END_OF_TIME_MS);
    await forgetSessions(tx);
    const revokedJoinTokens = await revokeJoinTokens(tx, now);
    const counts = { ...tasks, voidPlans, revokedJoinTokens };
    await tx.audit.append({
      at: now,
      actor: 'system',
      action: 'store.restore',
      resource: 'store',
      decision: null,
      rule: null,
      code: null,
      detail: counts,
    });
    return counts;
  });
  await store.scrub();
  return counts;
}

async function endOpenTasks(tx: Repositories, at: number) {
  const news = { code: 'cancelled-by-restore' } as const;
  const cause = { actor: 'system', at };
  let cancelledTasks = 0;
  let unknownTasks = 0;
  for (;;) {
    const open = await tx.tasks.overdue(END_OF_TIME_MS, PAGE_ROWS);
    if (open.length === 0) return { cancelledTasks, unknownTasks };
    for (const task of open) {
      const isUnapplied = UNAPPLIED_STATES.includes(task.state);
      await changeTask(tx, task, { type: isUnapplied ? 'cancel' : 'expire' }, cause, news);
      if (isUnapplied) cancelledTasks += 1;
      else unknownTasks += 1;
    }
  }
}

async function forgetSessions(tx: Repositories): Promise<void> {
  for (let after: string | null = null; ;) {
    const page = await tx.instances.list({}, { limit: PAGE_ROWS, after });
    for (const { id } of page.rows) {
      await tx.instances.update(id, { continuityCurrent: null, continuityPrevious: null });
    }
    if (page.next === null) return;
    after = page.next;
  }
}

async function revokeJoinTokens(tx: Repositories, at: number): Promise<number> {
  let revoked = 0;
  for (let after: string | null = null; ;) {
    const page = await tx.tokens.list({ limit: PAGE_ROWS, after });
    for (const token of page.rows.filter(({ type, revokedAt }) => type === 'join' && revokedAt === null)) {
      await tx.tokens.revoke(token.id, at);
      revoked += 1;
    }
    if (page.next === null) return revoked;
    after = page.next;
  }
}
