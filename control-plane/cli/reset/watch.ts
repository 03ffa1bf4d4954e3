import { BACKOFF_BASE_MS, type ProgressEvent, type Reset, type ResetId, type Task } from '#protocol';
import type { Routes } from '../api/routes.ts';
import { EventTooLarge } from '../api/sse.ts';
import { CliError } from '../errors.ts';
import type { Clock, Random } from '../ports.ts';

const BACKOFF_MS_MAX = 10_000;
/** A control plane that restarts is back well before this; one that is not is worth a person's attention. */
const SILENCE_MS_MAX = 10 * 60_000;
/** After this many streams in a row that brought nothing, the state is asked for instead: some proxies hold streams up. */
const BARREN_STREAMS_MAX = 3;
const POLL_MS = 2_000;

export interface WatchPorts {
  readonly resets: Pick<Routes['resets'], 'events' | 'show' | 'tasks'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** The connection was lost, and is tried again. */
  onTrouble(error: CliError): void;
}

/** What is known now: tasks that changed, and whether none will change any more. */
export type WatchEvent = Pick<ProgressEvent, 'tasks' | 'finished' | 'state'> & {
  /** How many tasks there are. */
  readonly total: number;
};

/**
 * The tasks of a reset as they change, until it is finished or the signal aborts. Survives a lost connection and a
 * restart of the control plane. Rejects when the control plane refuses, or is silent for ten minutes.
 */
export async function* watchReset(id: ResetId, ports: WatchPorts): AsyncGenerator<WatchEvent> {
  const { clock, signal } = ports;
  let heardAt = clock.monotonic();
  let attempts = 0;
  let barren = 0;
  while (!signal.aborted) {
    let fruitful = false;
    const polling = barren >= BARREN_STREAMS_MAX;
    try {
      for await (const event of polling ? poll(id, ports) : ports.resets.events(id, signal)) {
        fruitful = true;
        heardAt = clock.monotonic();
        attempts = 0;
        yield 'total' in event ? event : { ...event, total: event.counts.total };
        if (event.finished) return;
      }
    } catch (error) {
      if (isAborted(signal)) return;
      const trouble = passingTrouble(error);
      if (trouble === null || clock.monotonic() - heardAt > SILENCE_MS_MAX) throw error;
      if (attempts === 0) ports.onTrouble(trouble);
    }
    barren = fruitful && !polling ? 0 : barren + 1;
    // Once polling works there is no need to wait longer each time; while nothing works, there is.
    const delayMs = polling && fruitful ? POLL_MS : backoffMs(attempts, ports.random);
    attempts += 1;
    await clock.sleep(delayMs, signal);
  }
}

/** The compiler takes a flag that was once false for false for ever; others abort it meanwhile. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function* poll(id: ResetId, { resets }: WatchPorts): AsyncGenerator<WatchEvent> {
  // The reset first: if it is finished by then, the tasks that come after are final.
  const reset: Reset = await resets.show(id);
  const tasks: Task[] = await resets.tasks(id);
  yield { tasks, state: reset.state, finished: reset.finishedAt !== null, total: reset.counts.total };
}

/** Full jitter: uniform between nothing and a bound that doubles. */
function backoffMs(attempt: number, random: Random): number {
  return random.fraction() * Math.min(BACKOFF_MS_MAX, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 10));
}

/** The error, when waiting may mend it; null when it will be the same the next time. */
function passingTrouble(error: unknown): CliError | null {
  if (error instanceof EventTooLarge || !(error instanceof CliError)) return null;
  if (error.code === 'control-plane-unreachable') return error;
  const passing = error.status !== null && (error.status >= 500 || error.status === 429);
  return passing ? error : null;
}
