import { sealPassword, utf8, type ResetPlan, type Task } from '#protocol';
import type { Routes } from '../../control-plane/cli/api/routes.ts';
import { until } from '../support/hosts/until.ts';
import { statementOf } from '../support/statements.ts';
import type { Measured } from './worker-client.ts';

const RESET_MS_MAX = 60_000;
const READY_MS_MAX = 60_000;
const LIFETIME_MS = 600_000;

/** As the API reports it, and as a client sees it, from its request to the last event of its reset. */
export interface WholePath extends Measured {
  readonly seenMs: number;
}

/** One reset through the REST API: planned, sealed, sent, watched to its end. */
export async function resetThroughApi(
  { resets }: Routes,
  target: { readonly instance: string; readonly account: string; readonly password: string },
): Promise<WholePath> {
  const plan = await readyPlan(resets, target);
  const [planned] = plan.targets;
  if (planned === undefined || planned.sealingKey === null)
    throw new Error(`${target.instance} cannot be reset: ${JSON.stringify(planned)}`);
  const statement = statementOf(planned.sealingKey);
  const notAfter = plan.now + LIFETIME_MS;
  const { resetId, mode, options } = plan;
  const { instanceId } = planned;
  const context = { instanceId, identity: statement.identity, account: planned.account };
  const password = await sealPassword(
    statement,
    { ...context, resetId, mode, options, notAfter },
    utf8(target.password),
  );

  const startedMs = performance.now();
  await resets.send({ resetId, notAfter, sealed: [{ instanceId, password }], skipBlocked: false, final: true });
  const task = await lastWord(resets, resetId);
  const seenMs = performance.now() - startedMs;
  const { state, verifiedBy, appliedMs, verifiedMs } = task;
  if (state !== 'succeeded' || verifiedBy !== 'login' || appliedMs === null || verifiedMs === null) {
    throw new Error(`the reset of ${target.instance} came to ${JSON.stringify(task)}`);
  }
  return { appliedMs, verifiedMs, seenMs };
}

/** A plan in which the instance is not blocked: its agent may still see the lock of the reset before, on a busy machine. */
async function readyPlan(
  resets: Routes['resets'],
  { instance, account }: { readonly instance: string; readonly account: string },
): Promise<ResetPlan> {
  let blocked: unknown;
  return until(
    async () => {
      const plan = await resets.plan({ targets: { instances: [instance], tags: [] }, mode: 'online', account });
      blocked = plan.targets[0]?.blocked;
      return blocked === null && plan;
    },
    { what: () => `${instance} to be ready: ${JSON.stringify(blocked)}`, deadlineMs: READY_MS_MAX, everyMs: 500 },
  );
}

async function lastWord(resets: Routes['resets'], resetId: Parameters<Routes['resets']['events']>[0]): Promise<Task> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error('the reset takes too long')), RESET_MS_MAX);
  let task: Task | undefined;
  try {
    for await (const event of resets.events(resetId, limit.signal)) {
      task = event.tasks[0] ?? task;
      if (event.finished && task !== undefined) return task;
    }
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
  throw new Error(`the progress of the reset broke off at ${JSON.stringify(task)}`);
}
