import {
  CLOSE_CODES,
  closeReasonOf,
  decodeServerFrame,
  encodeFrame,
  FRAME_BYTES_MAX,
  SERVER_SILENCE_MS_MAX,
  UNPROVEN_FRAME_BYTES_MAX,
  type AgentFrame,
  type CloseReason,
  type ServerFrame,
} from '#protocol';
import type { Clock, ConnectionHandlers, Log, Transport } from '../ports.ts';
import type { Trust } from './trust.ts';

/** Frames that wait to be dealt with; a peer that sends faster than that is no control plane of ours. */
const FRAMES_WAITING_MAX = 256;

export interface LineHandlers {
  onOpen(): void;
  /** One at a time, in order: the next when the promise has settled. */
  onFrame(frame: ServerFrame, arrivedMs: number): Promise<void>;
  onUnreadable(reason: 'frame-malformed' | 'frame-too-large' | 'too-many-frames'): void;
  /** Nothing was heard for too long. */
  onSilent(): void;
  onClosed(reason: CloseReason | null, detail: string): void;
}

/** One connection that speaks frames. After `close`, or once it has closed, no handler is called. */
export interface Line {
  send(frame: AgentFrame): void;
  /** The peer has proven what it is: frames may be large from now on. */
  trust(): void;
  /** A session is live on it: challenges are answered, silence is noticed. */
  watch(): void;
  close(reason: CloseReason | null): void;
}

export interface LineOptions {
  readonly transport: Transport;
  /** Asked at every dial: a session may have brought others. */
  readonly trust: Pick<Trust, 'authorities'>;
  readonly clock: Clock;
  readonly log: Log;
}

export function openLine({ transport, trust, clock, log }: LineOptions, handlers: LineHandlers): Line {
  let open = true;
  let live = false;
  let frameBytesMax = UNPROVEN_FRAME_BYTES_MAX;
  let heardMs = clock.monotonic();
  const inTurn = createFrameQueue(log);
  let forgetSilence: (() => void) | null = null;

  const end = () => {
    open = false;
    forgetSilence?.();
  };
  const receive = (text: string | null) => {
    heardMs = clock.monotonic();
    const decoded = text === null ? null : decodeServerFrame(text, frameBytesMax);
    if (decoded?.ok !== true) {
      handlers.onUnreadable(decoded?.reason ?? 'frame-malformed');
    } else if (live && decoded.frame.type === 'liveness-challenge') {
      // At once and out of turn: nothing that is being dealt with may make a living agent look dead.
      connection.send(encodeFrame({ type: 'liveness-answer', challenge: decoded.frame.challenge }));
    } else {
      const { frame } = decoded;
      const arrivedMs = heardMs;
      const taken = inTurn(async () => {
        if (open) await handlers.onFrame(frame, arrivedMs);
      });
      if (!taken) handlers.onUnreadable('too-many-frames');
    }
  };
  const watchSilence = () => {
    const quietMs = clock.monotonic() - heardMs;
    if (quietMs >= SERVER_SILENCE_MS_MAX) handlers.onSilent();
    else forgetSilence = clock.after(SERVER_SILENCE_MS_MAX - quietMs, watchSilence);
  };

  const heard: ConnectionHandlers = {
    onOpen: () => {
      if (open) handlers.onOpen();
    },
    onMessage: (text) => {
      if (open) receive(text);
    },
    onClose: (code, detail) => {
      if (!open) return;
      end();
      handlers.onClosed(code === null ? null : closeReasonOf(code), detail);
    },
  };
  const connection = transport.dial(heard, trust.authorities());
  return {
    send: (frame) => {
      if (open) connection.send(encodeFrame(frame));
    },
    trust: () => {
      frameBytesMax = FRAME_BYTES_MAX;
    },
    watch: () => {
      live = true;
      if (open) watchSilence();
    },
    close: (reason) => {
      if (!open) return;
      end();
      if (reason === null) connection.close(1000, '');
      else connection.close(CLOSE_CODES[reason].close, reason);
    },
  };
}

/** Runs one work after another; false when too many wait already. */
function createFrameQueue(log: Log): (work: () => Promise<void>) => boolean {
  let waiting = 0;
  let last = Promise.resolve();
  return (work) => {
    if (waiting >= FRAMES_WAITING_MAX) return false;
    waiting += 1;
    last = last
      .then(() => {
        waiting -= 1;
        return work();
      })
      .catch((error: unknown) => {
        log.error({ error: String(error) }, 'a frame could not be dealt with');
      });
    return true;
  };
}
