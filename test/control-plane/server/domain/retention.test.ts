import { expect, test } from 'vitest';

import { DEFAULT_RETENTION, cutoffsOf } from '../../../../control-plane/server/domain/retention.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = { now: 1_800_000_000_000, monotonic: 5_000 };
const after = (passedMs: number, setMs = 0) => ({
  now: START.now + passedMs + setMs,
  monotonic: START.monotonic + passedMs,
});

test('what ended longer ago than it is kept may go', () => {
  const look = after(HOUR_MS);
  expect(cutoffsOf({ resetsDays: 7, auditDays: 30 }, START, look)).toEqual({
    resets: look.now - 7 * DAY_MS,
    audit: look.now - 30 * DAY_MS,
  });
  expect(DEFAULT_RETENTION).toEqual({ resetsDays: 90, auditDays: 400 });
});

test('what is kept for ever never goes', () => {
  expect(cutoffsOf({ resetsDays: null, auditDays: null }, START, after(HOUR_MS))).toEqual({
    resets: null,
    audit: null,
  });
  expect(cutoffsOf({ resetsDays: 7, auditDays: null }, START, after(HOUR_MS))?.audit).toBeNull();
});

test('nothing goes right after the clock was set, in either direction', () => {
  for (const setMs of [2 * DAY_MS, 3_650 * DAY_MS, -2 * DAY_MS, -20_000 * DAY_MS]) {
    expect(cutoffsOf(DEFAULT_RETENTION, START, after(HOUR_MS, setMs)), String(setMs)).toBeNull();
  }
  expect(cutoffsOf(DEFAULT_RETENTION, START, after(HOUR_MS, HOUR_MS))).not.toBeNull();
  expect(cutoffsOf(DEFAULT_RETENTION, START, after(30 * DAY_MS))).not.toBeNull();
});
