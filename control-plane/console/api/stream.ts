import { HEARTBEAT_EVENT, HEARTBEAT_MS } from '#protocol';

/** A stream begins with a sign of life: one that says nothing for so long is held up somewhere. */
const FIRST_WORD_MS_MAX = 10_000;
/** Two signs of life that did not come: the connection is gone, whatever the browser believes. */
const SILENCE_MS_MAX = 2 * HEARTBEAT_MS + FIRST_WORD_MS_MAX;

/** What a page hears from the control plane: what happens as it happens, nothing just now, nothing for a while. */
export type Hearing = 'live' | 'connecting' | 'lost';

export interface Stream {
  close(): void;
}

export interface StreamHandlers {
  onEvent(data: string): void;
  onHeartbeat(): void;
  onError(): void;
}

export interface StreamPorts {
  openStream(handlers: StreamHandlers): Stream;
  after(ms: number, callback: () => void): () => void;
}

export interface StreamEvents {
  /** False where nobody understands it: the stream is of no use then. */
  onEvent(data: string): boolean;
  /** The first word, whatever it is. */
  onOpen?(): void;
  /** It ended, fell silent, or was not understood; it is closed. */
  onGone(): void;
}

/**
 * One stream, until it is gone. That it is opened again is not left to the browser, which comes back for ever after some
 * failures, and not at all after others: 401, 429 and 503 end its `EventSource` for good. Returns what closes it.
 */
export function listen(ports: StreamPorts, events: StreamEvents): () => void {
  let forget: () => void = () => undefined;
  let isOpen = false;
  const close = (): void => {
    forget();
    stream.close();
  };
  const giveUp = (): void => {
    close();
    events.onGone();
  };
  const alive = (): void => {
    forget();
    forget = ports.after(SILENCE_MS_MAX, giveUp);
    if (!isOpen) events.onOpen?.();
    isOpen = true;
  };
  const stream = ports.openStream({
    onEvent: (data) => {
      alive();
      if (!events.onEvent(data)) giveUp();
    },
    onHeartbeat: alive,
    onError: giveUp,
  });
  forget = ports.after(FIRST_WORD_MS_MAX, giveUp);
  return close;
}

/** The browser's own stream of the events with that name. */
export function openEvents(path: string, name: string, handlers: StreamHandlers): Stream {
  const source = new EventSource(path);
  source.addEventListener(name, ({ data }: MessageEvent<string>) => handlers.onEvent(data));
  source.addEventListener(HEARTBEAT_EVENT, () => handlers.onHeartbeat());
  source.addEventListener('error', () => handlers.onError());
  return source;
}

/** The browser's own time. */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
