import { describe, expect, test } from 'vitest';
import {
  CLOCK_SKEW_MS_MAX,
  DEFAULT_PASSWORD_POLICY,
  GENERATION_STEP_MAX,
  RESET_LIFETIME_MS_MAX,
  type AccountRef,
  type Digest,
  type Order,
  type ResetId,
  type TaskId,
} from '#protocol';
import { EMPTY_LEDGER, type Ledger, type LedgerTask, type ResultRecord } from '../../agent/domain/ledger.ts';
import {
  judgeOrder,
  OPEN_TASKS_MAX,
  SPENT_RESETS_MAX,
  type JudgementContext,
} from '../../agent/domain/order-judgement.ts';
import { newInstanceId, newNonce } from './support/control-plane.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const instanceId = newInstanceId();
const [identity, binding, digest, otherDigest] = [newNonce(), newNonce(), newNonce(), newNonce()] as string[] as [
  Order['identity'],
  Digest,
  Digest,
  Digest,
];
const MINUTE_MS = 60_000;
const LATEST = 999_999 + RESET_LIFETIME_MS_MAX + 2 * CLOCK_SKEW_MS_MAX;

const ORDER: Order = {
  ...{ v: 1, taskId: id(1) as TaskId, resetId: id(2) as ResetId, instanceId, identity },
  ...{ account: 'alice' as AccountRef, mode: 'online', privileged: false, generation: 5, scriptDigest: digest },
  options: { unlock: false, unexpire: false, mustChange: false },
  sealed: { keyId: identity, enc: 'A'.repeat(43), ciphertext: 'A'.repeat(107) },
  ...{ notAfter: 1_000_000, passwordPolicy: DEFAULT_PASSWORD_POLICY, sessionBinding: binding },
  ...{ sessionAgeMs: MINUTE_MS, lifetimeMs: MINUTE_MS },
};
const CONTEXT: JudgementContext = {
  ...{ instanceId, identity, sessionBinding: binding, sessionStartedMs: 0, arrivedMs: MINUTE_MS + 50, wallMs: 999_999 },
  ...{ ledger: EMPTY_LEDGER, sealedDigest: digest },
};

function over(sealedDigest = digest, resetId = ORDER.resetId): LedgerTask {
  const signed = { bytes: 'e30', key: identity, signature: 'A'.repeat(86) };
  const record: ResultRecord = {
    ...{ kind: 'result', taskId: ORDER.taskId, resetId, notAfter: 0, sealedDigest, result: signed, applied: null },
  };
  return { phase: 'over', record };
}
const ledger = (change: Partial<Ledger>): Ledger => ({ ...EMPTY_LEDGER, ...change });
const known = (task: LedgerTask) => ledger({ tasks: new Map([[ORDER.taskId, task]]) });

describe('an order', () => {
  test.each<[string, Partial<Order>, Partial<JudgementContext>, string]>([
    ['that is right is taken', {}, {}, 'take'],
    ['for another instance', { instanceId: newInstanceId() }, {}, 'refuse order-other-instance'],
    ['for another identity', { identity: newNonce() as never }, {}, 'refuse order-other-instance'],
    ['for another session', { sessionBinding: otherDigest }, {}, 'refuse order-other-session'],
    ['that is known is answered again', {}, { ledger: known(over()) }, 'again'],
    ['that is known, with another password', {}, { ledger: known(over(otherDigest)) }, 'refuse reset-id-reused'],
    [
      'that is known, of another reset',
      {},
      { ledger: known(over(digest, id(9) as ResetId)) },
      'refuse reset-id-reused',
    ],
    [
      'whose reset is spent',
      {},
      { ledger: ledger({ spent: new Map([[ORDER.resetId, { notAfter: 0 }]]) }) },
      'refuse reset-id-reused',
    ],
    ['at its last moment', {}, { arrivedMs: 2 * MINUTE_MS - 1 }, 'take'],
    ['a moment too late', {}, { arrivedMs: 2 * MINUTE_MS }, 'fail order-expired'],
    ['with the latest limit there is', { notAfter: LATEST }, {}, 'take'],
    ['with a limit that no client may set', { notAfter: LATEST + 1 }, {}, 'refuse order-malformed'],
    ['at the client’s limit', {}, { wallMs: ORDER.notAfter }, 'take'],
    ['past the client’s limit', {}, { wallMs: ORDER.notAfter + 1 }, 'fail reset-expired'],
    ['above the last generation', {}, { ledger: ledger({ generations: new Map([[ORDER.account, 4]]) }) }, 'take'],
    ['as far ahead as one may be', { generation: GENERATION_STEP_MAX }, {}, 'take'],
    ['further: it would use them up', { generation: GENERATION_STEP_MAX + 1 }, {}, 'refuse order-malformed'],
    ['at the last', {}, { ledger: ledger({ generations: new Map([[ORDER.account, 5]]) }) }, 'fail generation-stale'],
    ['below it', {}, { ledger: ledger({ generations: new Map([[ORDER.account, 6]]) }) }, 'fail generation-stale'],
  ])('%s', (_what, order, context, expected) => {
    const verdict = judgeOrder({ ...ORDER, ...order }, { ...CONTEXT, ...context });
    expect('code' in verdict ? `${verdict.verdict} ${verdict.code}` : verdict.verdict).toBe(expected);
  });

  test('that is too many is refused, and none forgotten for it', () => {
    const tasks = new Map(Array.from({ length: OPEN_TASKS_MAX }, (_, n) => [id(n + 100) as TaskId, over()]));
    const spent = new Map(
      Array.from({ length: SPENT_RESETS_MAX }, (_, n) => [id(n + 100) as ResetId, { notAfter: 0 }]),
    );
    for (const full of [ledger({ tasks }), ledger({ spent })]) {
      expect(judgeOrder(ORDER, { ...CONTEXT, ledger: full })).toEqual({
        verdict: 'refuse',
        code: 'instance-overloaded',
      });
    }
  });

  test('of a busy account is refused when there are as many of it as there is room left, and that of another is not', () => {
    const spentBy = (account: string, count: number, from: number) =>
      Array.from({ length: count }, (_, n) => {
        return [id(from + n) as ResetId, { notAfter: 0, account: account as AccountRef }] as const;
      });
    const verdictOf = (...spent: ReturnType<typeof spentBy>) =>
      judgeOrder(ORDER, { ...CONTEXT, ledger: ledger({ spent: new Map(spent) }) });
    const overloaded = { verdict: 'refuse', code: 'instance-overloaded' };
    const half = SPENT_RESETS_MAX / 2;
    expect(verdictOf(...spentBy(ORDER.account, half - 1, 100))).toMatchObject({ verdict: 'take' });
    expect(verdictOf(...spentBy(ORDER.account, half, 100))).toEqual(overloaded);
    const busy = [...spentBy('other', half, 100), ...spentBy('third', half - 2, 50_000)];
    expect(verdictOf(...busy)).toMatchObject({ verdict: 'take' });
    expect(verdictOf(...busy, ...spentBy(ORDER.account, 1, 90_000))).toEqual(overloaded);
  });

  test('lives no longer than its lifetime from its arrival, whatever it says of the session’s age', () => {
    const lying = { ...ORDER, sessionAgeMs: 24 * 3_600_000 };
    const { arrivedMs } = CONTEXT;
    expect(judgeOrder(lying, CONTEXT)).toEqual({ verdict: 'take', deadlineMs: arrivedMs + MINUTE_MS });
    expect(judgeOrder(ORDER, CONTEXT)).toEqual({ verdict: 'take', deadlineMs: 2 * MINUTE_MS });
  });

  test('replayed from a session before gets no signed word, whatever became of it', () => {
    const replayed = { ...ORDER, sessionBinding: otherDigest };
    for (const state of [EMPTY_LEDGER, known(over()), ledger({ generations: new Map([[ORDER.account, 9]]) })]) {
      expect(judgeOrder(replayed, { ...CONTEXT, ledger: state }).verdict).toBe('refuse');
    }
  });
});
