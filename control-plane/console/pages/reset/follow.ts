import { ProgressEvent } from '#protocol';
import { jsonOf } from '../../api/json.ts';
import { listen, type Hearing, type StreamPorts } from '../../api/stream.ts';
import type { Progress } from './progress.ts';

/** After so many streams in a row that brought nothing the state is asked for instead: some proxies hold streams up. */
const BARREN_STREAMS_MAX = 3;
const REOPEN_AFTER_MS = 2_000;
const POLL_EVERY_MS = 3_000;
/** After so many answers a stream is tried again. */
const POLLS_MAX = 10;

/** How the page hears of the reset: `live` at once, `polling` every few seconds, `connecting` not at all just now. */
export type ResetHearing = Exclude<Hearing, 'lost'> | 'polling' | 'over';

export interface FollowPorts extends StreamPorts {
  /** Everything as it stands now. */
  poll(): Promise<Progress>;
}

export interface FollowEvents {
  onProgress(progress: Progress): void;
  onHearing(hearing: ResetHearing): void;
  /** An answer that will not become better by itself does not end it either: somebody may mend it. */
  onTrouble(error: unknown): void;
}

/**
 * Hears of a reset until it is finished, through lost connections and restarts of the control plane. Returns what ends it.
 */
export function followReset(ports: FollowPorts, events: FollowEvents): () => void {
  let stop: () => void = () => undefined;
  let isOver = false;
  let barren = 0;

  const end = (): void => {
    isOver = true;
    stop();
  };
  const take = (progress: Progress): void => {
    events.onProgress(progress);
    if (!progress.finished) return;
    end();
    events.onHearing('over');
  };
  const next = (): void => {
    if (isOver) return;
    if (barren >= BARREN_STREAMS_MAX) poll(POLLS_MAX);
    else stop = listen(ports, { onEvent, onGone });
  };
  const onEvent = (data: string): boolean => {
    const event = ProgressEvent.safeParse(jsonOf(data)).data;
    if (event === undefined) return false;
    barren = 0;
    events.onHearing('live');
    take(event);
    return true;
  };
  const onGone = (): void => {
    barren += 1;
    events.onHearing('connecting');
    stop = ports.after(REOPEN_AFTER_MS, next);
  };

  const poll = (left: number): void => {
    if (left === 0) {
      barren = 0;
      next();
      return;
    }
    const again = (): void => {
      stop = ports.after(POLL_EVERY_MS, () => poll(left - 1));
    };
    stop = () => undefined;
    ports.poll().then(
      (progress) => {
        if (isOver) return;
        events.onHearing('polling');
        again();
        take(progress);
      },
      (error: unknown) => {
        if (isOver) return;
        events.onHearing('connecting');
        events.onTrouble(error);
        again();
      },
    );
  };

  events.onHearing('connecting');
  next();
  return end;
}
