import type { ResetId } from '#protocol';
import { auditName, type Actor } from '../../domain/actor.ts';
import { resetStateOf } from '../../domain/batch.ts';
import { IN_FLIGHT_STATES, isUnfinished } from '../../domain/task.ts';
import { ApiError } from '../errors.ts';
import { ANYTHING } from '../gate.ts';
import { changeTask } from '../task-flow.ts';
import type { ResetDeps } from './deps.ts';
import { visibleReset } from './visibility.ts';

const CANCEL_PAGE_ROWS = 1_000;

/**
 * Holds a reset, so that nothing more of it is sent, or lets it go on. What is with an instance comes to its end either
 * way, and limits pass. Asked once more, it changes nothing.
 */
export async function holdReset(deps: ResetDeps, actor: Actor, id: ResetId, hold: boolean): Promise<void> {
  const subject = `reset:${id}`;
  const action = hold ? 'reset.pause' : 'reset.resume';
  await deps.gate.change(async (tx) => {
    const rule = deps.gate.decide(actor, action, ANYTHING, { subject });
    const reset = await visibleReset(deps, tx, actor, action, id);
    if (reset.finishedAt !== null) throw new ApiError('reset-finished');
    const state = resetStateOf(reset);
    if (state === 'stopped') throw new ApiError('reset-stopped');
    if (hold === (state === 'paused')) return;
    await tx.resets.pause(id, hold ? deps.clock.now() : null);
    await tx.audit.append(deps.gate.allowed(actor, action, subject, rule));
  });
  deps.bus.changed(id, []);
  if (!hold) deps.bus.wake([id]);
}

export async function cancelReset(
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
