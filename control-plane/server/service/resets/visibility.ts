import type { Action, ResetId } from '#protocol';
import type { Actor } from '../../domain/actor.ts';
import { isStarted, type StartedReset } from '../../store/records.ts';
import type { Repositories } from '../../store/store.ts';
import { ApiError } from '../errors.ts';
import { ANYTHING } from '../gate.ts';
import type { ResetDeps } from './deps.ts';

/** A reset is seen by who asked for it or may see every instance in it; to anybody else it does not exist. */
export async function visibleReset(
  deps: Pick<ResetDeps, 'gate'>,
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
