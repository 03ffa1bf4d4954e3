import type { ResetId } from '#protocol';
import { auditName, type Actor } from '../../domain/actor.ts';
import type { Action } from '../../domain/authorization.ts';
import { IN_FLIGHT_STATES, isUnfinished } from '../../domain/task.ts';
import { isStarted, type StartedReset } from '../../store/records.ts';
import type { Repositories } from '../../store/store.ts';
import { ApiError } from '../errors.ts';
import { ANYTHING } from '../gate.ts';
import { pageRequest } from '../listing.ts';
import type { ResetService } from '../reset-service.ts';
import { changeTask } from '../task-flow.ts';
import type { ResetDeps } from './deps.ts';
import { planReset } from './plan.ts';
import { startReset } from './start.ts';
import { resetView, taskViews } from './view.ts';
import { watchReset } from './watch.ts';

const CANCEL_PAGE_ROWS = 1_000;

export function createResetService(deps: ResetDeps): ResetService {
  const { store } = deps;
  const get = async (actor: Actor, id: ResetId) => {
    const reset = await visibleReset(deps, store.read, actor, 'reset.read', id);
    return resetView(reset, await store.read.tasks.counts(id));
  };
  return {
    plan: (actor, request) => planReset(deps, actor, request),
    async start(actor, request, arrivedAt) {
      const started = await startReset(deps, actor, request, arrivedAt);
      if (!started.done) return { done: false, chunk: { resetId: request.resetId, received: started.received } };
      return { done: true, reset: await get(actor, request.resetId) };
    },
    async list(actor, query) {
      await deps.gate.guard(() =>
        Promise.resolve(deps.gate.decide(actor, 'reset.read', ANYTHING, { subject: 'resets' })),
      );
      const filter = { projects: actor.projects, requestedWith: actor.tokenId };
      const page = await store.read.resets.list(filter, pageRequest(query));
      const items = await Promise.all(
        page.rows.map(async (reset) => resetView(reset, await store.read.tasks.counts(reset.id))),
      );
      return { items, nextCursor: page.next };
    },
    get,
    async tasks(actor, id, query) {
      await visibleReset(deps, store.read, actor, 'reset.read', id);
      const filter = query.state === undefined ? {} : { state: query.state };
      const page = await store.read.tasks.ofReset(id, filter, pageRequest(query));
      return { items: await taskViews(store.read, page.rows), nextCursor: page.next };
    },
    cancel: (actor, id) => cancelReset(deps, actor, id),
    async *watch(actor, id, signal) {
      await visibleReset(deps, store.read, actor, 'reset.read', id);
      yield* watchReset(deps, id, signal);
    },
  };
}

/** A reset is seen by who asked for it or may see every instance in it; to anybody else it does not exist. */
async function visibleReset(
  deps: ResetDeps,
  read: Repositories,
  actor: Actor,
  action: Action,
  id: ResetId,
): Promise<StartedReset> {
  deps.gate.decide(actor, action, ANYTHING, { subject: `reset:${id}` });
  const reset = await read.resets.get(id);
  if (reset === null || !isStarted(reset)) throw new ApiError('reset-not-found');
  if (actor.projects !== null && reset.tokenId !== actor.tokenId) {
    const scope = actor.projects;
    const projects = await read.resets.projectsOf(id);
    // Of instances that were all removed nobody knows whose they were.
    const inScope = projects.length > 0 && projects.every((project) => scope.includes(project));
    if (!inScope) throw new ApiError('reset-not-found');
  }
  return reset;
}

async function cancelReset(
  deps: ResetDeps,
  actor: Actor,
  id: ResetId,
): Promise<{ cancelled: number; tooLate: number }> {
  const subject = `reset:${id}`;
  const outcome = await deps.gate.change(async (tx) => {
    const rule = deps.gate.decide(actor, 'reset.cancel', ANYTHING, { subject });
    const reset = await visibleReset(deps, tx, actor, 'reset.cancel', id);
    if (reset.finishedAt !== null) throw new ApiError('reset-finished');
    const cause = { actor: auditName(actor), at: deps.clock.now(), rule };
    const cancelled = [];
    let tooLate = 0;
    let after: string | null = null;
    do {
      const page = await tx.tasks.ofReset(id, {}, { limit: CANCEL_PAGE_ROWS, after });
      after = page.next;
      for (const task of page.rows.filter(({ state }) => isUnfinished(state))) {
        if (IN_FLIGHT_STATES.includes(task.state)) tooLate += 1;
        else if ((await changeTask(tx, task, { type: 'cancel' }, cause)) !== null) cancelled.push(task.id);
      }
    } while (after !== null);
    await tx.audit.append(
      deps.gate.allowed(actor, 'reset.cancel', subject, rule, { cancelled: cancelled.length, tooLate }),
    );
    return { cancelled, tooLate };
  });
  deps.bus.changed(id, outcome.cancelled);
  deps.onErased();
  return { cancelled: outcome.cancelled.length, tooLate: outcome.tooLate };
}
