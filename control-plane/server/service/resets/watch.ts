import type { ProgressEvent, ResetId, Task, TaskId } from '#protocol';
import { resetStateOf } from '../../domain/batch.ts';
import type { Clock } from '../ports.ts';
import type { ResetDeps } from './deps.ts';
import { taskViews } from './view.ts';

/** How many tasks one event carries at the most. */
const TASKS_PER_EVENT_MAX = 500;
/** There is no more than one event in this time: changes that come close together share one. */
const GATHER_MS = 20;
/** Even without a word from the bus the store is looked at this often: words may get lost. */
const LOOK_AGAIN_MS = 5_000;

type WatchDeps = Pick<ResetDeps, 'store' | 'bus' | 'clock'>;

/** First the reset as it stands, then every change, until it is finished or nobody listens any more. */
export async function* watchReset(deps: WatchDeps, id: ResetId, signal: AbortSignal): AsyncGenerator<ProgressEvent> {
  const changed = new Set<TaskId>();
  let wake: () => void = () => undefined;
  const stopListening = deps.bus.onChanged(id, (tasks) => {
    for (const task of tasks) changed.add(task);
    wake();
  });
  try {
    let finished = yield* snapshot(deps, id);
    let spokeMs = deps.clock.monotonic();
    while (!finished || changed.size > 0) {
      if (changed.size === 0) {
        await pause(deps.clock, signal, LOOK_AGAIN_MS, (resume) => {
          wake = resume;
        });
      }
      // Not after a silence: whoever waits for the last word of a reset should not wait for company to it.
      const gatherMs = spokeMs + GATHER_MS - deps.clock.monotonic();
      if (gatherMs > 0) await pause(deps.clock, signal, gatherMs, () => undefined);
      if (isAborted(signal)) return;
      const ids = [...changed].slice(0, TASKS_PER_EVENT_MAX);
      for (const seen of ids) changed.delete(seen);
      const event = await eventOf(deps, id, ids);
      finished = event.finished;
      spokeMs = deps.clock.monotonic();
      if (ids.length > 0 || finished) yield event;
    }
  } finally {
    stopListening();
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** Every task as it stands; returns whether the reset was finished by then, which the last event says too. */
async function* snapshot(deps: WatchDeps, id: ResetId): AsyncGenerator<ProgressEvent, boolean> {
  let after: string | null = null;
  for (;;) {
    const page = await deps.store.read.tasks.ofReset(id, {}, { limit: TASKS_PER_EVENT_MAX, after });
    const event = await eventOf(deps, id, []);
    after = page.next;
    const finished = event.finished && after === null;
    yield { ...event, finished, tasks: await taskViews(deps.store.read, page.rows) };
    if (after === null) return finished;
  }
}

async function eventOf(deps: WatchDeps, resetId: ResetId, ids: readonly TaskId[]): Promise<ProgressEvent> {
  const { read } = deps.store;
  const tasks: Task[] = await taskViews(read, await read.tasks.getMany(ids));
  const counts = await read.tasks.counts(resetId);
  const reset = await read.resets.get(resetId);
  const state = reset === null ? 'finished' : resetStateOf(reset);
  return { resetId, counts, state, finished: counts.pending === 0, tasks };
}

/** Resolves after that long, at the signal, or when the function handed out is called. */
function pause(
  clock: Clock,
  signal: AbortSignal,
  delayMs: number,
  handOut: (resume: () => void) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      forget();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const forget = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
    handOut(done);
    if (signal.aborted) done();
  });
}
