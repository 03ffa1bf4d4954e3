import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import {
  BACKOFF_CAP_MS,
  CLOSE_CODES,
  HANDSHAKE_MS_MAX,
  type CloseReason,
  type ServerFrame,
  type SessionId,
} from '#protocol';
import {
  backoffSpan,
  chooseDelay,
  LASTING_SESSION_MS,
  retrySpan,
  SLOW_RETRY_MS_MAX,
  SLOW_RETRY_MS_MIN,
} from '../../agent/domain/backoff.ts';
import {
  CONNECT_MS_MAX,
  stepSession,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
} from '../../agent/domain/session.ts';
import { newNonce } from './support/control-plane.ts';

const NOW = { monotonicMs: 1_000_000, fraction: 0.5 };
const sessionId = '0190a0c4-7d5f-7c6e-9d0e-8c7a5b1f2e3d' as SessionId;
const FRAMES: Record<'server-proof' | 'welcome' | 'health-request' | 'drain', ServerFrame> = {
  'server-proof': {
    ...{ type: 'server-proof', protocol: 1, serverId: newNonce() as never, nonce: newNonce(), keySet: null },
    ...{ key: newNonce() as never, signature: 'A'.repeat(86) },
  },
  welcome: { type: 'welcome', sessionId, continuity: newNonce(), clock: 0 },
  'health-request': { type: 'health-request' },
  drain: { type: 'drain', reconnectAfterMsMin: 2_000, reconnectAfterMsMax: 4_000 },
};
const frame = (type: keyof typeof FRAMES): SessionEvent => ({ type: 'frame', frame: FRAMES[type] });

const STATES = {
  stopped: { phase: 'stopped' },
  waiting: { phase: 'waiting', attempt: 3 },
  dialing: { phase: 'dialing', attempt: 3 },
  greeting: { phase: 'greeting', attempt: 3 },
  judging: { phase: 'judging', attempt: 3 },
  proving: { phase: 'proving', attempt: 3 },
  entering: { phase: 'entering', attempt: 3 },
  live: { phase: 'live', attempt: 3, sinceMs: NOW.monotonicMs - 1, drain: null },
} satisfies Record<SessionState['phase'], SessionState>;
type Phase = keyof typeof STATES;

const kinds = (effects: readonly SessionEffect[]) => effects.map((effect) => effect.do);
const delayOf = (effects: readonly SessionEffect[]) => effects.find((effect) => effect.do === 'wait')?.delayMs;
const hangUp = (effects: readonly SessionEffect[]) => effects.find((effect) => effect.do === 'hang-up')?.reason;

describe('a session goes', () => {
  test.each<[Phase, SessionEvent, Phase, SessionEffect['do'][]]>([
    ['stopped', { type: 'start' }, 'dialing', ['deadline', 'dial']],
    ['waiting', { type: 'retry' }, 'dialing', ['deadline', 'dial']],
    ['dialing', { type: 'opened' }, 'greeting', ['deadline', 'greet']],
    ['greeting', frame('server-proof'), 'judging', ['judge']],
    ['judging', { type: 'judged', refused: null }, 'proving', ['prove']],
    ['proving', frame('welcome'), 'entering', ['enter']],
    ['entering', { type: 'entered' }, 'live', ['deadline', 'begin']],
    ['live', frame('health-request'), 'live', ['handle']],
    ['live', frame('drain'), 'live', ['deadline']],
  ])('%s → by %j to %s', (from, event, to, effects) => {
    const [next, done] = stepSession(STATES[from], event, NOW);
    expect([next.phase, kinds(done)]).toEqual([to, effects]);
  });
});

describe('a frame out of its place ends the connection', () => {
  const places: Record<string, readonly Phase[]> = {
    'server-proof': ['greeting'],
    welcome: ['proving'],
    'health-request': ['live'],
    drain: ['live'],
  };
  const connected: Phase[] = ['dialing', 'greeting', 'judging', 'proving', 'entering', 'live'];
  const cases = Object.keys(FRAMES).flatMap((type) =>
    connected.filter((phase) => places[type]?.includes(phase) !== true).map((phase) => [type, phase] as const),
  );

  test.each(cases)('%s while %s', (type, phase) => {
    const [next, effects] = stepSession(STATES[phase], frame(type as keyof typeof FRAMES), NOW);
    expect([next.phase, hangUp(effects)]).toEqual(['waiting', 'frame-unexpected']);
  });
});

describe('events that come too late change nothing', () => {
  const late: SessionEvent[] = [
    { type: 'deadline' },
    { type: 'silent' },
    { type: 'failed' },
    { type: 'closed', reason: null },
    { type: 'opened' },
    { type: 'entered' },
    { type: 'judged', refused: null },
    frame('welcome'),
  ];
  test.each(late.flatMap((event) => (['stopped', 'waiting'] as const).map((phase) => [event, phase] as const)))(
    '%j while %s',
    (event, phase) => {
      expect(stepSession(STATES[phase], event, NOW)).toEqual([STATES[phase], []]);
    },
  );
});

describe('limits of time', () => {
  const deadlineOf = (state: SessionState, event: SessionEvent) =>
    stepSession(state, event, NOW)[1].find((effect) => effect.do === 'deadline')?.afterMs;

  test('opening has one, the handshake another, a live session none', () => {
    expect(deadlineOf(STATES.stopped, { type: 'start' })).toBe(CONNECT_MS_MAX);
    expect(deadlineOf(STATES.dialing, { type: 'opened' })).toBe(HANDSHAKE_MS_MAX);
    expect(deadlineOf(STATES.entering, { type: 'entered' })).toBeNull();
  });

  test.each<[Phase, CloseReason]>([
    ['dialing', 'handshake-timeout'],
    ['greeting', 'handshake-timeout'],
    ['entering', 'handshake-timeout'],
    ['live', 'draining'],
  ])('a deadline while %s hangs up: %s', (phase, reason) => {
    expect(hangUp(stepSession(STATES[phase], { type: 'deadline' }, NOW)[1])).toBe(reason);
  });
});

describe('the back-off', () => {
  test('is full jitter: from nothing to a bound that doubles, never above a minute', () => {
    expect([0, 1, 2, 6, 7, 8, 1_000_000].map((attempt) => backoffSpan(attempt).maxMs)).toEqual([
      500, 1_000, 2_000, 32_000, 60_000, 60_000, 60_000,
    ]);
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, fraction) => {
        const delay = chooseDelay(backoffSpan(attempt), fraction);
        return delay >= 0 && delay <= BACKOFF_CAP_MS && Number.isInteger(delay);
      }),
    );
  });

  test('begins anew only after a session that lasted', () => {
    const short = { ...STATES.live, attempt: 7, sinceMs: NOW.monotonicMs - LASTING_SESSION_MS + 1 };
    const long = { ...STATES.live, attempt: 7, sinceMs: NOW.monotonicMs - LASTING_SESSION_MS };
    expect(delayOf(stepSession(short, { type: 'silent' }, NOW)[1])).toBe(30_000);
    expect(delayOf(stepSession(long, { type: 'silent' }, NOW)[1])).toBe(250);
  });

  test.each(Object.keys(CLOSE_CODES) as CloseReason[])('knows what to do about %s', (reason) => {
    const span = retrySpan(reason, 0, null);
    const slow = { minMs: SLOW_RETRY_MS_MIN, maxMs: SLOW_RETRY_MS_MAX };
    expect(span).toEqual(CLOSE_CODES[reason].retry === 'slow' ? slow : backoffSpan(0));
  });

  test('keeps away as long as a draining control plane asked', () => {
    const [drained] = stepSession(STATES.live, frame('drain'), NOW);
    const [, effects] = stepSession(drained, { type: 'closed', reason: 'draining' }, NOW);
    expect([delayOf(effects), kinds(effects)]).toEqual([3_000, ['deadline', 'hang-up', 'wait']]);
  });
});

describe('a loss is counted', () => {
  test.each<[string, SessionState, SessionEvent, boolean]>([
    ['when a live session breaks', STATES.live, { type: 'closed', reason: null }, true],
    ['when nothing is heard', STATES.live, { type: 'silent' }, true],
    ['but not when the control plane drains', STATES.live, { type: 'closed', reason: 'draining' }, false],
    ['but not when no session came about', STATES.greeting, { type: 'closed', reason: null }, false],
    ['but not when we stop', STATES.live, { type: 'stop' }, false],
  ])('%s', (_when, state, event, counted) => {
    expect(kinds(stepSession(state, event, NOW)[1]).includes('count-loss')).toBe(counted);
  });
});

test('a stop is final', () => {
  for (const state of Object.values(STATES)) {
    const [next, effects] = stepSession(state, { type: 'stop' }, NOW);
    expect(next).toEqual({ phase: 'stopped' });
    expect(kinds(effects).includes('hang-up')).toBe(!['stopped', 'waiting'].includes(state.phase));
    expect(delayOf(effects)).toBeUndefined();
  }
});
