import type { ResetId } from '#protocol';
import type { Actor } from '../../domain/actor.ts';
import { ANYTHING } from '../gate.ts';
import { pageRequest } from '../listing.ts';
import type { ResetService } from '../reset-service.ts';
import { cancelReset, holdReset } from './control.ts';
import type { ResetDeps } from './deps.ts';
import { planReset } from './plan.ts';
import { startReset } from './start.ts';
import { resetView, taskViews } from './view.ts';
import { visibleReset } from './visibility.ts';
import { watchReset } from './watch.ts';

export function createResetService(deps: ResetDeps): ResetService {
  const { store } = deps;
  const get = async (actor: Actor, id: ResetId) => {
    const reset = await visibleReset(deps, store.read, actor, 'reset.read', id);
    return resetView(store.read, reset);
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
      const filter = {
        projects: actor.projects,
        requestedWith: actor.tokenId,
        ...(query.instance === undefined ? {} : { instance: query.instance }),
      };
      const page = await store.read.resets.list(filter, pageRequest(query));
      const items = await Promise.all(page.rows.map((reset) => resetView(store.read, reset)));
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
    async pause(actor, id) {
      await holdReset(deps, actor, id, true);
      return get(actor, id);
    },
    async resume(actor, id) {
      await holdReset(deps, actor, id, false);
      return get(actor, id);
    },
    async *watch(actor, id, signal) {
      await visibleReset(deps, store.read, actor, 'reset.read', id);
      yield* watchReset(deps, id, signal);
    },
  };
}
