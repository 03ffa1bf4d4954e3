import {
  transcriptBytes,
  type AgentFrame,
  type AgentFrameOf,
  type KeySetRefusal,
  type ServerFrame,
  type Transcript,
} from '#protocol';
import { stepSession, type SessionEffect, type SessionEvent, type SessionState } from '../domain/session.ts';
import type { ServerTime } from '../domain/wall-clock.ts';
import type { AgentCrypto, Random } from '../ports.ts';
import type { SessionView } from './admission.ts';
import type { Handshake } from './handshake.ts';
import { openLine, type Line, type LineOptions } from './line.ts';

export type GoodbyeReason = AgentFrameOf<'goodbye'>['reason'];

export interface LinkOptions extends LineOptions {
  readonly random: Random;
  readonly crypto: Pick<AgentCrypto, 'sha256'>;
  readonly handshake: Handshake;
  readonly onPhase: (phase: SessionState['phase']) => void;
  /** A session is live; its frames follow. `keySetRefused`: a key set came with the proof and was not taken. */
  readonly onLive: (time: ServerTime, keySetRefused: KeySetRefusal | null) => void;
  /** One frame at a time: the next when the promise has settled. A rejection ends the session. */
  readonly onFrame: (frame: ServerFrame, session: SessionView, arrivedMs: number) => Promise<void>;
  /** A live session broke. */
  readonly onLoss: () => void;
  /** A connection ended, for a reason in words. */
  readonly onEnd: (why: string) => void;
}

/** Keeps one session to the control plane: runs the session machine on real effects. */
export interface Link {
  start(): void;
  /** Lost where no session is live. */
  send(frame: AgentFrame): void;
  /** Ends for good, saying why if somebody listens. */
  stop(reason: GoodbyeReason): void;
}

/** What is known in one connection; the next starts from nothing. */
interface Call {
  readonly hello: ReturnType<Handshake['hello']>;
  line: Line | null;
  /** Monotonic: the control plane counts the session's age from a later moment. */
  openedMs: number;
  /** When the frame that is being dealt with arrived, monotonic. */
  arrivedMs: number;
  transcript: Transcript | null;
  keySetRefused: KeySetRefusal | null;
  time: ServerTime | null;
}

export function createLink(options: LinkOptions): Link {
  const { clock, log, random } = options;
  let state: SessionState = { phase: 'stopped' };
  let call: Call | null = null;
  let forgetDeadline: (() => void) | null = null;
  let forgetRetry: (() => void) | null = null;

  /** Resolves when all effects are done, those included that wait for a disk or a signature. */
  const dispatch = async (event: SessionEvent): Promise<void> => {
    const before = state.phase;
    const moment = { monotonicMs: clock.monotonic(), fraction: random.fraction() };
    const [next, effects] = stepSession(state, event, moment);
    state = next;
    const followed = effects.map(perform);
    if (next.phase !== before) options.onPhase(next.phase);
    await Promise.all(followed);
  };
  const raise = (event: SessionEvent) => {
    dispatch(event).catch((error: unknown) => log.error({ error: String(error) }, 'the session machine failed'));
  };

  const followInCall = async (effect: CallEffect): Promise<void> => {
    const mine = call;
    if (mine === null) return;
    const event = await performInCall(options, mine, effect);
    // What it leads to counts only while this connection is the current one.
    if (event !== null && call === mine) await dispatch(event);
  };
  const perform = async (effect: SessionEffect): Promise<void> => {
    switch (effect.do) {
      case 'dial':
        call = placeCall(options, dispatch, raise);
        return;
      case 'deadline':
        forgetDeadline?.();
        forgetDeadline =
          effect.afterMs === null ? null : clock.after(effect.afterMs, () => raise({ type: 'deadline' }));
        return;
      case 'wait':
        forgetRetry = clock.after(effect.delayMs, () => raise({ type: 'retry' }));
        return;
      case 'hang-up':
        call?.line?.close(effect.reason);
        call = null;
        if (effect.reason !== null) options.onEnd(effect.reason);
        return;
      case 'count-loss':
        options.onLoss();
        return;
      case 'greet':
      case 'judge':
      case 'prove':
      case 'enter':
      case 'begin':
      case 'handle':
        await followInCall(effect);
        return;
      default:
        effect satisfies never;
    }
  };
  const send = (frame: AgentFrame) => {
    if (state.phase === 'live') call?.line?.send(frame);
  };
  return {
    start: () => raise({ type: 'start' }),
    send,
    stop(reason) {
      send({ type: 'goodbye', reason });
      forgetRetry?.();
      raise({ type: 'stop' });
    },
  };
}

function placeCall(
  options: LinkOptions,
  dispatch: (event: SessionEvent) => Promise<void>,
  raise: (event: SessionEvent) => void,
): Call {
  const at = options.clock.monotonic();
  const fresh = { openedMs: at, arrivedMs: at, line: null, transcript: null, keySetRefused: null, time: null };
  const call: Call = { ...fresh, hello: options.handshake.hello() };
  call.line = openLine(options, {
    onOpen: () => raise({ type: 'opened' }),
    onFrame: (frame, arrivedMs) => {
      call.arrivedMs = arrivedMs;
      return dispatch({ type: 'frame', frame });
    },
    onUnreadable: (reason) => raise({ type: 'unreadable', reason }),
    onSilent: () => {
      options.onEnd('nothing was heard from the control plane');
      raise({ type: 'silent' });
    },
    onClosed: (reason, detail) => {
      options.onEnd(reason ?? detail);
      raise({ type: 'closed', reason });
    },
  });
  return call;
}

async function performInCall(options: LinkOptions, call: Call, effect: CallEffect): Promise<SessionEvent | null> {
  if (call.line === null) return null;
  try {
    return await stepOf(options, call, call.line, effect);
  } catch (error) {
    options.log.error({ error: String(error), step: effect.do }, 'the session failed on our side');
    return { type: 'failed' };
  }
}

type CallEffect = Exclude<SessionEffect, { do: 'dial' | 'deadline' | 'wait' | 'hang-up' | 'count-loss' }>;

/** One step of a connection; resolves to the event that it leads to. */
async function stepOf(options: LinkOptions, call: Call, line: Line, effect: CallEffect): Promise<SessionEvent | null> {
  const { handshake } = options;
  switch (effect.do) {
    case 'greet':
      line.send(call.hello);
      return null;
    case 'judge': {
      const verdict = await handshake.judge(call.hello, effect.frame);
      if (!verdict.ok) return { type: 'judged', refused: verdict.reason };
      call.transcript = verdict.transcript;
      call.keySetRefused = verdict.keySetRefused;
      line.trust();
      return { type: 'judged', refused: null };
    }
    case 'prove':
      if (call.transcript !== null) line.send(await handshake.prove(call.transcript));
      return null;
    case 'enter':
      call.time = { serverMs: effect.frame.clock, monotonicMs: call.arrivedMs };
      // On disk before the session is used: the next session must be able to present it.
      await handshake.keepContinuity(effect.frame.continuity);
      return { type: 'entered' };
    case 'begin':
      line.watch();
      if (call.time !== null) options.onLive(call.time, call.keySetRefused);
      return null;
    case 'handle':
      await handle(options, call, line, effect.frame);
      return null;
    default:
      return effect satisfies never;
  }
}

async function handle(options: LinkOptions, call: Call, line: Line, frame: ServerFrame): Promise<void> {
  // One that came while the session was being entered; the others are answered out of turn.
  if (frame.type === 'liveness-challenge') line.send({ type: 'liveness-answer', challenge: frame.challenge });
  else if (call.transcript !== null)
    await options.onFrame(frame, viewOf(options, call.transcript, call), call.arrivedMs);
}

function viewOf({ crypto }: LinkOptions, transcript: Transcript, call: Call): SessionView {
  return { binding: crypto.sha256(transcriptBytes(transcript)), startedMs: call.openedMs };
}
