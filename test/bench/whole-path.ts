import { randomBytes } from 'node:crypto';

import { generatePassword, sealPassword, utf8, type ResetPlan, type Task } from '#protocol';
import type { Routes } from '../../control-plane/cli/api/routes.ts';
import { until } from '../support/hosts/until.ts';
import { statementOf } from '../support/statements.ts';
import type { Measured } from './worker-client.ts';

const RESET_MS_MAX = 60_000;
const BATCH_MS_MAX = 600_000;
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
  const request = await sealedRequest(plan, target.password);
  const startedMs = performance.now();
  await resets.send(request);
  const task = await lastWord(resets, plan.resetId);
  const seenMs = performance.now() - startedMs;
  const { state, verifiedBy, appliedMs, verifiedMs } = task;
  if (state !== 'succeeded' || verifiedBy !== 'login' || appliedMs === null || verifiedMs === null) {
    throw new Error(`the reset of ${target.instance} came to ${JSON.stringify(task)}`);
  }
  return { appliedMs, verifiedMs, seenMs };
}

/** Tries a reset of an instance that looks well, with a password of nobody; resolves to how it ended. */
export async function tryReset(
  { resets }: Routes,
  target: { readonly instance: string; readonly account: string },
): Promise<Task['state']> {
  const plan = await readyPlan(resets, target);
  const password = generatePassword({ targets: [{ os: 'linux', account: target.account }], randomBytes });
  await resets.send(await sealedRequest(plan, password));
  return (await lastWord(resets, plan.resetId)).state;
}

/** The same password to many at once; resolves when all of them have it, each proven by a login. */
export async function resetAllThroughApi(
  { resets }: Routes,
  target: { readonly instances: readonly string[]; readonly account: string; readonly password: string },
): Promise<void> {
  const targets = { instances: [...target.instances], tags: [] };
  const plan = await resets.plan({ targets, mode: 'online', account: target.account });
  await resets.send(await sealedRequest(plan, target.password));
  const proven = new Set<string>();
  const limit = AbortSignal.timeout(BATCH_MS_MAX);
  for await (const { tasks, finished } of resets.events(plan.resetId, limit)) {
    for (const { id, verifiedBy } of tasks) if (verifiedBy === 'login') proven.add(id);
    if (finished) break;
  }
  const missing = target.instances.length - proven.size;
  if (missing > 0) throw new Error(`${missing} of ${target.instances.length} were not proven`);
}

async function sealedRequest(plan: ResetPlan, password: string) {
  const { resetId, mode, options } = plan;
  const notAfter = plan.now + LIFETIME_MS;
  const sealed = await Promise.all(
    plan.targets.map(async ({ instanceId, account, sealingKey, blocked }) => {
      if (sealingKey === null) throw new Error(`${instanceId} cannot be reset: ${JSON.stringify(blocked)}`);
      const statement = statementOf(sealingKey);
      const context = { instanceId, identity: statement.identity, account, resetId, mode, options, notAfter };
      return { instanceId, password: await sealPassword(statement, context, utf8(password)) };
    }),
  );
  return { resetId, notAfter, sealed, skipBlocked: false, final: true };
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
