import { printable, type ActorRole, type TokenId } from '#protocol';
import { actorOfToken } from '../domain/actor.ts';
import { UNAPPLIED_STATES } from '../domain/task.ts';
import type { TokenRecord } from '../store/records.ts';
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
  /** Who had signed out since, or was made to, would be in again. */
  readonly endedConsoleSessions: number;
  /** Every API token that is good now. What was revoked after the backup was made is among them again. */
  readonly apiTokens: readonly ValidToken[];
}

export interface ValidToken {
  readonly id: TokenId;
  readonly name: string;
  readonly role: ActorRole;
  readonly createdAt: number;
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
  const cleanup = await store.transaction(async (tx) => {
    const tasks = await endOpenTasks(tx, now);
    const voidPlans = await tx.resets.deleteExpiredPlans(END_OF_TIME_MS);
    await forgetSessions(tx);
    const tokens = await allTokens(tx);
    const revokedJoinTokens = await revokeJoinTokens(tx, tokens, now);
    const endedConsoleSessions = await tx.consoleSessions.deleteOpenedUntil(END_OF_TIME_MS);
    const counts = { ...tasks, voidPlans, revokedJoinTokens, endedConsoleSessions };
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
    return { ...counts, apiTokens: validTokens(tokens, now) };
  });
  await store.scrub();
  return cleanup;
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

async function allTokens(tx: Repositories): Promise<readonly TokenRecord[]> {
  const tokens: TokenRecord[] = [];
  for (let after: string | null = null; ;) {
    const page = await tx.tokens.list({ limit: PAGE_ROWS, after });
    tokens.push(...page.rows);
    if (page.next === null) return tokens;
    after = page.next;
  }
}

async function revokeJoinTokens(tx: Repositories, tokens: readonly TokenRecord[], at: number): Promise<number> {
  const open = tokens.filter(({ type, revokedAt }) => type === 'join' && revokedAt === null);
  for (const { id } of open) await tx.tokens.revoke(id, at);
  return open.length;
}

/** Which of them somebody may use: those that were revoked since the backup cannot be told from the others. */
function validTokens(tokens: readonly TokenRecord[], now: number): readonly ValidToken[] {
  return tokens.flatMap((token) => {
    const actor = actorOfToken(token, now);
    if (token.type !== 'api' || actor === null) return [];
    return [{ id: token.id, name: printable(token.name), role: actor.role, createdAt: token.createdAt }];
  });
}
