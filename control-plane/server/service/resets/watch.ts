import { utf8, type ProgressEvent, type ResetId, type Task, type TaskId } from '#protocol';
import { resetStateOf } from '../../domain/batch.ts';
import type { Clock } from '../ports.ts';
import type { ResetDeps } from './deps.ts';
import { taskViews } from './view.ts';

/**
 * How many tasks one event carries at the most, and how many bytes of them: the first one that is over it still fits. A
 * browser that checks the signature of each should not have to leave out a frame for it.
 */
const TASKS_PER_EVENT_MAX = 100;
const TASK_BYTES_PER_EVENT_MAX = 256 * 1024;
/** There is no more than one event in this time: changes that come close together share one. */
const GATHER_MS = 100;
/** Even without a word from the bus the store is looked at this often: words may get lost. */
const LOOK_AGAIN_MS = 5_000;

type WatchDeps = Pick<ResetDeps, 'store' | 'bus' | 'clock'>;

/** First the reset as it stands, then every change, until it is finished or nobody listens any more. */
export async function* watchReset(deps: WatchDeps, id: ResetId, signal: AbortSignal): AsyncGenerator<ProgressEvent> {
  const changed = new Set<TaskId>();
  const news = { heard: false };
  let wake: () => void = () => undefined;
  const stopListening = deps.bus.onChanged(id, (tasks) => {
    for (const task of tasks) changed.add(task);
    news.heard = true;
    wake();
  });
  try {
    let last = yield* snapshot(deps, id);
    let spokeMs = deps.clock.monotonic();
    while (!last.finished) {
      if (!news.heard && changed.size === 0) {
        await pause(deps.clock, signal, LOOK_AGAIN_MS, (resume) => {
          wake = resume;
        });
      }
      // Not after a silence: whoever waits for the last word of a reset should not wait for company to it.
      const gatherMs = spokeMs + GATHER_MS - deps.clock.monotonic();
      if (gatherMs > 0) await pause(deps.clock, signal, gatherMs, () => undefined);
      if (isAborted(signal)) return;
      news.heard = false;
      const event = await nextEvent(deps, id, changed);
      const says = event.tasks.length > 0 || event.finished || event.state !== last.state;
      last = event;
      if (!says) continue;
      spokeMs = deps.clock.monotonic();
      yield event;
    }
  } finally {
    stopListening();
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** Every task as it stands; returns the last event, which alone may say that the reset is finished. */
async function* snapshot(deps: WatchDeps, id: ResetId): AsyncGenerator<ProgressEvent, ProgressEvent> {
  const { read } = deps.store;
  for (let after: string | null = null; ;) {
    // Before the tasks: what is finished by then does not change any more.
    const sums = await sumsOf(deps, id);
    const page = await read.tasks.ofReset(id, {}, { limit: TASKS_PER_EVENT_MAX, after });
    const parts = inParts(await taskViews(read, page.rows));
    after = page.next;
    for (const [n, tasks] of parts.entries()) {
      const isLast = after === null && n === parts.length - 1;
      const event = { ...sums, finished: sums.finished && isLast, tasks: [...tasks] };
      yield event;
      if (isLast) return event;
    }
  }
}

/** What fits into one event of what has changed, which is taken out of `changed`; the reset as a whole beside it. */
async function nextEvent(deps: WatchDeps, id: ResetId, changed: Set<TaskId>): Promise<ProgressEvent> {
  const { read } = deps.store;
  const ids = [...changed].slice(0, TASKS_PER_EVENT_MAX);
  for (const taken of ids) changed.delete(taken);
  const sums = await sumsOf(deps, id);
  const [tasks = [], ...later] = inParts(await taskViews(read, await read.tasks.getMany(ids)));
  for (const task of later.flat()) changed.add(task.id);
  return { ...sums, finished: sums.finished && changed.size === 0, tasks: [...tasks] };
}

/** Cuts them so that each part is small; at least one part, which may be empty. */
function inParts(tasks: readonly Task[]): readonly (readonly Task[])[] {
  const parts: Task[][] = [[]];
  let bytes = 0;
  for (const task of tasks) {
    const size = utf8(JSON.stringify(task)).length;
    const part = parts.at(-1);
    if (part !== undefined && (part.length === 0 || bytes + size <= TASK_BYTES_PER_EVENT_MAX)) {
      part.push(task);
      bytes += size;
    } else {
      parts.push([task]);
      bytes = size;
    }
  }
  return parts;
}

async function sumsOf(deps: WatchDeps, resetId: ResetId): Promise<Omit<ProgressEvent, 'tasks'>> {
  const { read } = deps.store;
  const reset = await read.resets.get(resetId);
  const counts = await read.tasks.counts(resetId);
  return { resetId, counts, state: reset === null ? 'finished' : resetStateOf(reset), finished: counts.pending === 0 };
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
