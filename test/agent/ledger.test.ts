import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { SEALING_KEY_LIFETIME_MS, type AccountRef, type Digest, type ResetId, type TaskId } from '#protocol';
import { decodeJournal, encodeJournalLine } from '../../agent/domain/journal-codec.ts';
import {
  applyRecord,
  compactRecords,
  decideContinuation,
  EMPTY_LEDGER,
  openTasks,
  unacknowledged,
  type AcceptedRecord,
  type JournalRecord,
  type Ledger,
  type ResultRecord,
} from '../../agent/domain/ledger.ts';
import type { StartedAt } from '../../agent/domain/policy.ts';
import { parseRecord } from '../../agent/core/records.ts';
import { newNonce } from './support/control-plane.ts';

const DAY_MS = 24 * 3_600_000;
const NOW: StartedAt = { bootId: 'boot', monotonicMs: 10_000, wallMs: 1_800_000_000_000 };
const SIGNED = { bytes: 'e30', key: newNonce() as never, signature: 'A'.repeat(86) };
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

function accepted(n: number, change: Partial<AcceptedRecord> = {}): AcceptedRecord {
  return {
    ...{ kind: 'accepted', taskId: id(n) as TaskId, resetId: id(n) as ResetId, account: 'alice' as AccountRef },
    ...{ generation: n, sealedDigest: newNonce() as never, keyId: newNonce() as never, notAfter: NOW.wallMs + DAY_MS },
    ...{
      order: SIGNED,
      script: { statement: SIGNED, bytes: 'AA' },
      bootId: 'boot',
      arrivedMs: 9_000,
      deadlineMs: 20_000,
    },
    ...change,
  };
}
const begun = (n: number): JournalRecord => ({ kind: 'begun', taskId: id(n) as TaskId, startedAt: NOW });
const acknowledged = (n: number): JournalRecord => ({ kind: 'acknowledged', taskId: id(n) as TaskId });
function result(n: number, change: Partial<ResultRecord> = {}): ResultRecord {
  return {
    ...{ kind: 'result', taskId: id(n) as TaskId, resetId: id(n) as ResetId, notAfter: NOW.wallMs + DAY_MS },
    ...{ sealedDigest: newNonce() as string as Digest, result: SIGNED },
    applied: { account: 'alice' as never, generation: n },
    ...change,
  };
}
const ledgerOf = (...records: JournalRecord[]): Ledger => records.reduce(applyRecord, EMPTY_LEDGER);
const phases = (ledger: Ledger) => [...ledger.tasks.values()].map((task) => task.phase);

describe('the ledger', () => {
  test.each<
    [string, JournalRecord[], { phases: string[]; generation: number | undefined; spent: number; started: number }]
  >([
    ['taken', [accepted(1)], { phases: ['open'], generation: undefined, spent: 0, started: 0 }],
    ['begun', [accepted(1), begun(1)], { phases: ['open'], generation: 1, spent: 1, started: 1 }],
    ['over', [accepted(1), begun(1), result(1)], { phases: ['over'], generation: 1, spent: 1, started: 1 }],
    [
      'acknowledged',
      [accepted(1), begun(1), result(1), acknowledged(1)],
      { phases: [], generation: 1, spent: 1, started: 1 },
    ],
    [
      'refused unbegun',
      [result(1, { applied: null })],
      { phases: ['over'], generation: undefined, spent: 1, started: 0 },
    ],
    [
      'acknowledged too early',
      [accepted(1), acknowledged(1)],
      { phases: ['open'], generation: undefined, spent: 0, started: 0 },
    ],
    ['begun without having been taken', [begun(1)], { phases: [], generation: undefined, spent: 0, started: 0 }],
    ['taken twice', [accepted(1), begun(1), accepted(1)], { phases: ['open'], generation: 1, spent: 1, started: 1 }],
    [
      'an older generation after a newer',
      [result(5), result(2)],
      { phases: ['over', 'over'], generation: 5, spent: 2, started: 0 },
    ],
  ])('of a task that was %s', (_how, records, expected) => {
    const ledger = ledgerOf(...records);
    expect({
      phases: phases(ledger),
      generation: ledger.generations.get('alice' as AccountRef),
      spent: ledger.spent.size,
      started: ledger.started.length,
    }).toEqual(expected);
  });

  const anyRecord = fc
    .integer({ min: 1, max: 6 })
    .chain((n) =>
      fc.constantFrom<JournalRecord>(accepted(n), begun(n), result(n), result(n, { applied: null }), acknowledged(n)),
    );

  test('is the same after it was compacted, written, and read', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 30 }), (records) => {
        const ledger = ledgerOf(...records);
        const bytes = Buffer.concat(compactRecords(ledger, NOW).map(encodeJournalLine));
        const read = decodeJournal(bytes).values.map(parseRecord);
        expect(read).not.toContain(null);
        const again = ledgerOf(...read.filter((record) => record !== null));
        expect(again.generations).toEqual(ledger.generations);
        expect(again.spent).toEqual(ledger.spent);
        expect(again.started).toEqual(ledger.started);
        expect(new Set(openTasks(again))).toEqual(new Set(openTasks(ledger)));
        expect(new Set(unacknowledged(again))).toEqual(new Set(unacknowledged(ledger)));
      }),
    );
  });

  test('never loses a generation or a spent reset, whatever is written next', () => {
    fc.assert(
      fc.property(fc.array(anyRecord), anyRecord, (records, next) => {
        const before = ledgerOf(...records);
        const after = applyRecord(before, next);
        expect(after.generations.get('alice' as AccountRef) ?? 0).toBeGreaterThanOrEqual(
          before.generations.get('alice' as AccountRef) ?? 0,
        );
        expect([...before.spent.keys()].every((reset) => after.spent.has(reset))).toBe(true);
      }),
    );
  });

  test('remembers whose a spent reset was, over a compaction too, and does without where an earlier version wrote it', () => {
    const { account } = accepted(1);
    const ledger = ledgerOf(accepted(1), begun(1), result(1), result(2, { account }), result(3));
    const again = ledgerOf(...compactRecords(ledger, NOW));
    for (const { spent } of [ledger, again]) {
      expect([1, 2, 3].map((n) => spent.get(id(n) as ResetId)?.account)).toEqual([account, account, undefined]);
    }
  });

  test('forgets a spent reset only when the key of its seal is gone', () => {
    const spentAt = (notAfter: number) => compactRecords(ledgerOf(result(1, { notAfter })), NOW)[0];
    expect(spentAt(NOW.wallMs - SEALING_KEY_LIFETIME_MS - DAY_MS + 1)).toMatchObject({ spent: [{ resetId: id(1) }] });
    expect(spentAt(NOW.wallMs - SEALING_KEY_LIFETIME_MS - DAY_MS)).toMatchObject({ spent: [] });
  });
});

describe('an open task after a restart', () => {
  const after = (records: JournalRecord[], now: Partial<StartedAt> = {}) => {
    const ledger = ledgerOf(...records);
    const [task] = openTasks(ledger);
    if (task === undefined) throw new Error('no open task');
    return decideContinuation(ledger, task, { ...NOW, ...now });
  };
  test.each<[string, JournalRecord[], Partial<StartedAt>, object]>([
    ['runs while it is fresh', [accepted(1)], {}, { run: true }],
    ['runs again, when it was begun', [accepted(1), begun(1)], {}, { run: true }],
    ['is too old', [accepted(1)], { monotonicMs: 20_000 }, { run: false, state: 'failed', code: 'order-expired' }],
    [
      'has no age in another boot',
      [accepted(1)],
      { bootId: 'next' },
      { run: false, state: 'failed', code: 'order-expired' },
    ],
    [
      'arrived after now: the clock is another',
      [accepted(1)],
      { monotonicMs: 8_999 },
      { run: false, state: 'failed', code: 'order-expired' },
    ],
    [
      'is overtaken by one applied',
      [accepted(1), result(2)],
      {},
      { run: false, state: 'failed', code: 'generation-stale' },
    ],
    [
      'is overtaken by one taken',
      [accepted(1), accepted(2)],
      {},
      { run: false, state: 'failed', code: 'generation-stale' },
    ],
    [
      'was begun and is too old',
      [accepted(1), begun(1)],
      { monotonicMs: 20_000 },
      { run: false, state: 'outcome-unknown', code: 'interrupted' },
    ],
    [
      'was begun and overtaken',
      [accepted(1), begun(1), accepted(2)],
      {},
      { run: false, state: 'outcome-unknown', code: 'interrupted' },
    ],
  ])('%s', (_what, records, now, expected) => {
    expect(after(records, now)).toEqual(expected);
  });
});

describe('the journal’s bytes', () => {
  const lines = [{ n: 1 }, { text: 'zwei\nü' }, [3]].map(encodeJournalLine);
  const whole = Buffer.concat(lines);

  test('are read as they were written', () => {
    expect(decodeJournal(whole)).toEqual({ values: [{ n: 1 }, { text: 'zwei\nü' }, [3]], damaged: [], tornBytes: 0 });
    expect(decodeJournal(new Uint8Array())).toEqual({ values: [], damaged: [], tornBytes: 0 });
  });

  test('cut off anywhere give what was whole, and call nothing damaged', () => {
    for (let length = 0; length <= whole.length; length += 1) {
      const { values, damaged, tornBytes } = decodeJournal(whole.subarray(0, length));
      const complete = lines.filter((_line, at) => Buffer.concat(lines.slice(0, at + 1)).length <= length).length;
      expect([values.length, damaged.length, tornBytes > 0]).toEqual([
        complete,
        0,
        length > Buffer.concat(lines.slice(0, complete)).length,
      ]);
    }
  });

  test('with any one bit changed never give another value', () => {
    const values = decodeJournal(whole).values.map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const changed = Uint8Array.from(whole);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const read = decodeJournal(changed).values.map((value) => JSON.stringify(value));
        expect(read.every((value) => values.includes(value))).toBe(true);
      }),
    );
  });

  test('bad before good is damage; bad at the end is a write that was cut off', () => {
    const bad = Buffer.from('00000000 {"n":9}\n');
    expect(decodeJournal(Buffer.concat([bad, whole])).damaged).toHaveLength(1);
    expect(decodeJournal(Buffer.concat([whole, bad]))).toMatchObject({ damaged: [], tornBytes: bad.length });
  });

  test.each([null, 1, {}, { kind: 'unknown' }, { kind: 'begun', taskId: 'x' }, { ...accepted(1), more: 1 }])(
    'that say %j are no record of this version',
    (value) => {
      expect(parseRecord(value)).toBeNull();
    },
  );
});
