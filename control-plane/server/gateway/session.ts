import {
  encodeFrame,
  type CloseReason,
  type Digest,
  type InstanceId,
  type ServerFrame,
  type SessionId,
  type SessionRole,
  type TaskId,
} from '#protocol';
import type { Clock, Random } from '../service/ports.ts';
import type { Connection } from './connection.ts';
import { createLiveness, type Liveness } from './liveness.ts';

export interface SentOrder {
  readonly digest: Digest;
  /** When it left, milliseconds since the epoch; null when the instance held an order for the task by then. */
  readonly at: number | null;
}

/** One proven connection of an instance. */
export interface Session {
  readonly id: SessionId;
  readonly instanceId: InstanceId;
  readonly role: SessionRole;
  readonly source: string;
  /** What orders for this session name. */
  readonly binding: Digest;
  /** Milliseconds since the welcome, by the monotonic clock: the age that orders carry. */
  ageMs(): number;
  /** The orders that left in this session: each task is sent once a session, and again in the next. */
  readonly sent: Map<TaskId, SentOrder>;
  readonly liveness: Pick<Liveness, 'ask' | 'askAnew' | 'answered' | 'lastTookMs'>;
  send(frame: ServerFrame): void;
  /** The same, for what somebody waits for: handed to the system before this returns, unless the peer reads too slowly. */
  sendAtOnce(frame: ServerFrame): void;
  close(reason: CloseReason): void;
  /** Told once that the socket is gone. */
  closed(): void;
  readonly isOpen: () => boolean;
}

/** `onMissed` is called when a liveness challenge was not answered in time; the session closes itself right after. */
export function createSession(deps: {
  readonly connection: Connection;
  readonly instanceId: InstanceId;
  readonly role: SessionRole;
  readonly binding: Digest;
  readonly clock: Clock;
  readonly random: Random;
  readonly onMissed: () => void;
}): Session {
  const { connection, clock } = deps;
  const startedAt = clock.monotonic();
  let open = true;

  const send = (frame: ServerFrame): void => {
    if (open) connection.send(encodeFrame(frame));
  };
  const end = (): void => {
    open = false;
    liveness.stop();
  };
  const close = (reason: CloseReason): void => {
    if (!open) return;
    end();
    connection.close(reason);
  };
  const liveness = createLiveness({
    clock,
    random: deps.random,
    send: (challenge) => {
      send({ type: 'liveness-challenge', challenge });
    },
    onMissed: () => {
      deps.onMissed();
      close('liveness-missed');
    },
  });

  return {
    id: deps.random.uuid() as SessionId,
    instanceId: deps.instanceId,
    role: deps.role,
    source: connection.source,
    binding: deps.binding,
    ageMs: () => clock.monotonic() - startedAt,
    sent: new Map(),
    liveness,
    send,
    sendAtOnce(frame) {
      send(frame);
      connection.flush?.();
    },
    close,
    closed: end,
    isOpen: () => open,
  };
}
