import { CLOSE_CODES, HANDSHAKE_MS_MAX, type CloseReason, type ServerFrame, type ServerFrameOf } from '#protocol';
import { chooseDelay, LASTING_SESSION_MS, retrySpan, type DelaySpan } from './backoff.ts';

/** How long a connection may take to open: name, TCP, proxy, TLS, upgrade. */
export const CONNECT_MS_MAX = 15_000;
/** A control plane that said it drains closes within this, or we do. */
export const DRAIN_CLOSE_MS_MAX = 5_000;

/**
 * The life of the agent's one session. `attempt` counts connections since the last session that lasted.
 * Each connection goes dialing → greeting → judging → proving → entering → live, or falls back to waiting.
 */
export type SessionState =
  | { readonly phase: 'stopped' }
  | { readonly phase: 'waiting'; readonly attempt: number }
  | { readonly phase: 'dialing'; readonly attempt: number }
  | { readonly phase: 'greeting'; readonly attempt: number }
  | { readonly phase: 'judging'; readonly attempt: number }
  | { readonly phase: 'proving'; readonly attempt: number }
  | { readonly phase: 'entering'; readonly attempt: number }
  | {
      readonly phase: 'live';
      readonly attempt: number;
      /** Monotonic. */
      readonly sinceMs: number;
      /** Set once the control plane has said that it drains: when to come back. */
      readonly drain: DelaySpan | null;
    };

export type SessionEvent =
  | { readonly type: 'start' }
  | { readonly type: 'opened' }
  /** Frames come one by one: the next when the last has been dealt with. */
  | { readonly type: 'frame'; readonly frame: ServerFrame }
  | { readonly type: 'unreadable'; readonly reason: 'frame-malformed' | 'frame-too-large' | 'too-many-frames' }
  /** The server's proof has been judged. */
  | { readonly type: 'judged'; readonly refused: CloseReason | null }
  /** The continuity secret is on disk. */
  | { readonly type: 'entered' }
  /** Something of our own failed: a disk, a key. */
  | { readonly type: 'failed' }
  /** The timer that the last `deadline` effect set has run out. */
  | { readonly type: 'deadline' }
  /** Nothing was heard for too long. */
  | { readonly type: 'silent' }
  | { readonly type: 'retry' }
  | { readonly type: 'closed'; readonly reason: CloseReason | null }
  | { readonly type: 'stop' };

export type SessionEffect =
  | { readonly do: 'dial' }
  | { readonly do: 'greet' }
  | { readonly do: 'judge'; readonly frame: ServerFrameOf<'server-proof'> }
  | { readonly do: 'prove' }
  | { readonly do: 'enter'; readonly frame: ServerFrameOf<'welcome'> }
  | { readonly do: 'begin' }
  | { readonly do: 'handle'; readonly frame: ServerFrame }
  /** Replaces the deadline that was set before; null only forgets it. */
  | { readonly do: 'deadline'; readonly afterMs: number | null }
  | { readonly do: 'hang-up'; readonly reason: CloseReason | null }
  /** A live session was lost, not ended on purpose by either side. */
  | { readonly do: 'count-loss' }
  | { readonly do: 'wait'; readonly delayMs: number };

/** What the machine may not find out by itself. */
export interface Moment {
  readonly monotonicMs: number;
  /** Uniform in [0, 1). */
  readonly fraction: number;
}

export type SessionStep = readonly [SessionState, readonly SessionEffect[]];

export function stepSession(state: SessionState, event: SessionEvent, moment: Moment): SessionStep {
  switch (event.type) {
    case 'start':
      return state.phase === 'stopped' ? dial(0) : [state, []];
    case 'retry':
      return state.phase === 'waiting' ? dial(state.attempt + 1) : [state, []];
    case 'opened':
      if (state.phase !== 'dialing') return [state, []];
      return [
        { phase: 'greeting', attempt: state.attempt },
        [{ do: 'deadline', afterMs: HANDSHAKE_MS_MAX }, { do: 'greet' }],
      ];
    case 'frame':
      return onFrame(state, event.frame, moment);
    case 'judged':
      if (state.phase !== 'judging') return [state, []];
      if (event.refused !== null) return fall(state, event.refused, moment);
      return [{ phase: 'proving', attempt: state.attempt }, [{ do: 'prove' }]];
    case 'entered':
      if (state.phase !== 'entering') return [state, []];
      return [
        { ...state, phase: 'live', sinceMs: moment.monotonicMs, drain: null },
        [{ do: 'deadline', afterMs: null }, { do: 'begin' }],
      ];
    case 'unreadable':
      return fall(state, event.reason, moment);
    case 'deadline':
      return fall(state, state.phase === 'live' ? 'draining' : 'handshake-timeout', moment);
    case 'failed':
    case 'silent':
      return fall(state, null, moment);
    case 'closed':
      return fall(state, event.reason, moment);
    case 'stop':
      return isConnected(state)
        ? [
            { phase: 'stopped' },
            [
              { do: 'deadline', afterMs: null },
              { do: 'hang-up', reason: null },
            ],
          ]
        : [{ phase: 'stopped' }, []];
    default:
      return event satisfies never;
  }
}

function dial(attempt: number): SessionStep {
  return [{ phase: 'dialing', attempt }, [{ do: 'deadline', afterMs: CONNECT_MS_MAX }, { do: 'dial' }]];
}

function isConnected(state: SessionState): boolean {
  return state.phase !== 'stopped' && state.phase !== 'waiting';
}

/** Frames have one place each; anywhere else they are a violation, and end the connection. */
function onFrame(state: SessionState, frame: ServerFrame, moment: Moment): SessionStep {
  switch (state.phase) {
    case 'greeting':
      if (frame.type !== 'server-proof') return fall(state, 'frame-unexpected', moment);
      return [{ phase: 'judging', attempt: state.attempt }, [{ do: 'judge', frame }]];
    case 'proving':
      if (frame.type !== 'welcome') return fall(state, 'frame-unexpected', moment);
      return [{ phase: 'entering', attempt: state.attempt }, [{ do: 'enter', frame }]];
    case 'live':
      if (frame.type === 'server-proof' || frame.type === 'welcome') return fall(state, 'frame-unexpected', moment);
      if (frame.type !== 'drain') return [state, [{ do: 'handle', frame }]];
      return [
        { ...state, drain: { minMs: frame.reconnectAfterMsMin, maxMs: frame.reconnectAfterMsMax } },
        [{ do: 'deadline', afterMs: DRAIN_CLOSE_MS_MAX }],
      ];
    case 'dialing':
    case 'judging':
    case 'entering':
      return fall(state, 'frame-unexpected', moment);
    case 'stopped':
    case 'waiting':
      return [state, []];
    default:
      return state satisfies never;
  }
}

function fall(state: SessionState, reason: CloseReason | null, moment: Moment): SessionStep {
  if (state.phase === 'stopped' || state.phase === 'waiting') return [state, []];
  const drain = state.phase === 'live' ? state.drain : null;
  const lasted = state.phase === 'live' && moment.monotonicMs - state.sinceMs >= LASTING_SESSION_MS;
  // A back-off that began before this session goes on, unless the session has shown that things are well.
  const attempt = lasted ? 0 : state.attempt;
  const onPurpose = drain !== null || (reason !== null && CLOSE_CODES[reason].retry === 'when-told');
  const delayMs = chooseDelay(retrySpan(reason, attempt, drain), moment.fraction);
  return [
    { phase: 'waiting', attempt },
    [
      { do: 'deadline', afterMs: null },
      { do: 'hang-up', reason },
      ...(state.phase === 'live' && !onPurpose ? [{ do: 'count-loss' } as const] : []),
      { do: 'wait', delayMs },
    ],
  ];
}
