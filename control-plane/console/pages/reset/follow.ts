import { ProgressEvent } from '#protocol';
import { jsonOf } from '../../parts/reset/store.ts';
import type { Progress } from './progress.ts';

/** A stream begins with the state as it is: one that says nothing for so long is held up somewhere. */
const FIRST_WORD_MS_MAX = 10_000;
/** After so many streams in a row that brought nothing the state is asked for instead: some proxies hold streams up. */
const BARREN_STREAMS_MAX = 3;
const REOPEN_AFTER_MS = 2_000;
const POLL_EVERY_MS = 3_000;
/** After so many answers a stream is tried again. */
const POLLS_MAX = 10;

/** How the page hears of the reset: `stream` at once, `polling` every few seconds, `connecting` not at all just now. */
export type Hearing = 'connecting' | 'stream' | 'polling' | 'over';

export interface Stream {
  close(): void;
}

export interface FollowPorts {
  openStream(handlers: { onProgress(data: string): void; onError(): void }): Stream;
  /** Everything as it stands now. */
  poll(): Promise<Progress>;
  after(ms: number, callback: () => void): () => void;
}

export interface FollowEvents {
  onProgress(progress: Progress): void;
  onHearing(hearing: Hearing): void;
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
    else stop = listen(ports, onEvent, onGone);
  };
  const onEvent = (event: ProgressEvent): void => {
    barren = 0;
    events.onHearing('stream');
    take(event);
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

/** One stream, until it ends, says nothing, or says what nobody understands. Returns what closes it. */
function listen(ports: FollowPorts, onEvent: (event: ProgressEvent) => void, onGone: () => void): () => void {
  const giveUp = (): void => {
    close();
    onGone();
  };
  const stream = ports.openStream({
    onProgress: (data) => {
      forget();
      const { data: event } = ProgressEvent.safeParse(jsonOf(data));
      if (event === undefined) giveUp();
      else onEvent(event);
    },
    // Not left to the browser, which comes back for ever, and not at all after some answers.
    onError: giveUp,
  });
  const forget = ports.after(FIRST_WORD_MS_MAX, giveUp);
  const close = (): void => {
    forget();
    stream.close();
  };
  return close;
}
