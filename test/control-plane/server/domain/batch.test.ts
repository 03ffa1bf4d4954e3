import type { ResetState } from '#protocol';
import { describe, expect, test } from 'vitest';
import { decideBatch, mustStop, resetStateOf, type Batch } from '../../../../control-plane/server/domain/batch.ts';

const GOING: Batch = { concurrency: 3, stopAfterFailures: null, pausedAt: null, stoppedAt: null, finishedAt: null };
const batch = (change: Partial<Batch>): Batch => ({ ...GOING, ...change });

describe('a reset stands as', () => {
  test.each<[ResetState, Partial<Batch>]>([
    ['running', {}],
    ['paused', { pausedAt: 1 }],
    ['stopped', { stoppedAt: 1 }],
    ['stopped', { stoppedAt: 1, pausedAt: 1 }],
    ['finished', { finishedAt: 2 }],
    ['finished', { finishedAt: 2, pausedAt: 1 }],
    // A day later it is still the truth that most of it was never sent.
    ['stopped', { finishedAt: 2, stoppedAt: 1 }],
  ])('%s with %o', (state, change) => {
    expect(resetStateOf(batch(change))).toBe(state);
  });
});

describe('what was not sent', () => {
  test.each([
    [0, 3],
    [2, 1],
    [3, 0],
    // More than may be: after a restart, or when tasks come back whose place was taken.
    [5, 0],
  ])('leaves with %i in flight as far as there is room: %i', (inFlight, room) => {
    expect(decideBatch(GOING, inFlight)).toEqual({ do: 'send', room });
  });

  test.each<[string, Partial<Batch>]>([
    ['hold', { pausedAt: 1 }],
    ['cancel', { stoppedAt: 1 }],
    ['cancel', { stoppedAt: 1, pausedAt: 1 }],
    ['nothing', { finishedAt: 1 }],
    ['nothing', { finishedAt: 1, stoppedAt: 1 }],
  ])('does not leave: %s with %o', (what, change) => {
    expect(decideBatch(batch(change), 0)).toEqual({ do: what });
  });
});

describe('a reset stops', () => {
  test.each<[boolean, string, Partial<Batch>, number, number]>([
    [false, 'never without a limit', {}, 1_000, 10],
    [false, 'not before the limit', { stopAfterFailures: 3 }, 2, 10],
    [true, 'at the limit', { stopAfterFailures: 3 }, 3, 10],
    [true, 'behind it, when several fail at once', { stopAfterFailures: 3 }, 5, 1],
    [false, 'not when all has been sent', { stopAfterFailures: 3 }, 3, 0],
    [false, 'not twice', { stopAfterFailures: 3, stoppedAt: 1 }, 4, 10],
    [false, 'not once it is through', { stopAfterFailures: 3, finishedAt: 1 }, 4, 10],
    [true, 'while it is paused too', { stopAfterFailures: 1, pausedAt: 1 }, 1, 1],
  ])('(%s) %s', (stops, _, change, failures, unsent) => {
    expect(mustStop(batch(change), failures, unsent)).toBe(stops);
  });
});
