import { ChangeEvent } from '#protocol';
import { jsonOf } from './json.ts';
import { listen, type Hearing, type StreamPorts } from './stream.ts';

/** A restart of the control plane is over sooner: it is no reason to alarm anybody. */
const LOST_AFTER_MS = 10_000;
const REOPEN_AFTER_MS_MIN = 2_000;
const REOPEN_AFTER_MS_MAX = 30_000;

export interface ChangesPorts extends StreamPorts {
  /**
   * Whether the control plane answers and still knows the session. A stream does not tell why it ended; this finds out,
   * and whoever lost his session is asked to sign in.
   */
  ask(onAnswer: (isAnswered: boolean) => void): void;
}

export interface ChangesEvents {
  onChanged(kinds: ChangeEvent['changed']): void;
  /** What happened while nothing was heard nobody has told. */
  onMissed(): void;
  onHearing(hearing: Hearing): void;
}

/**
 * Hears of changes, through lost connections and restarts of the control plane. `isAgain`: it was done before and ended.
 * Returns what ends it.
 */
export function followChanges(ports: ChangesPorts, events: ChangesEvents, isAgain: boolean): () => void {
  let stop: () => void = () => undefined;
  let forgetLost: (() => void) | null = null;
  let isOver = false;
  let hasMissed = isAgain;
  let reopenAfterMs = REOPEN_AFTER_MS_MIN;

  const silent = (): void => {
    if (forgetLost !== null) return;
    events.onHearing('connecting');
    forgetLost = ports.after(LOST_AFTER_MS, () => events.onHearing('lost'));
  };
  const onOpen = (): void => {
    forgetLost?.();
    forgetLost = null;
    reopenAfterMs = REOPEN_AFTER_MS_MIN;
    events.onHearing('live');
    if (hasMissed) events.onMissed();
    hasMissed = false;
  };
  const onEvent = (data: string): boolean => {
    const event = ChangeEvent.safeParse(jsonOf(data)).data;
    if (event !== undefined) events.onChanged(event.changed);
    return event !== undefined;
  };
  const open = (): void => {
    stop = listen(ports, { onOpen, onEvent, onGone });
  };
  const onGone = (): void => {
    hasMissed = true;
    silent();
    stop = ports.after(reopenAfterMs, ask);
    reopenAfterMs = Math.min(2 * reopenAfterMs, REOPEN_AFTER_MS_MAX);
  };
  const ask = (): void => {
    stop = () => undefined;
    ports.ask((isAnswered) => {
      if (isOver) return;
      if (isAnswered) open();
      else onGone();
    });
  };

  silent();
  open();
  return () => {
    isOver = true;
    forgetLost?.();
    stop();
  };
}
