import { describe, expect, test } from 'vitest';
import { paceOf, withSample, type Sample } from '../../../control-plane/console/pages/reset/pace.ts';
import { queryOf, viewOf } from '../../../control-plane/console/pages/reset/view.ts';

describe('the pace of a reset', () => {
  test('is that of the last minute', () => {
    let samples: readonly Sample[] = [];
    for (let second = 0; second <= 120; second += 1) {
      samples = withSample(samples, { at: second * 1_000, done: second < 60 ? 0 : (second - 60) * 2 });
    }
    expect(paceOf(samples, 100)).toEqual({ perSecond: 2, leftMs: 50_000 });
  });

  test('is not known from one moment, nor while nothing happens', () => {
    expect(paceOf([], 10)).toBeNull();
    expect(paceOf([{ at: 0, done: 5 }], 10)).toBeNull();
    expect(
      paceOf(
        [
          { at: 0, done: 5 },
          { at: 500, done: 9 },
        ],
        10,
      ),
    ).toBeNull();
    expect(
      paceOf(
        [
          { at: 0, done: 5 },
          { at: 9_000, done: 5 },
        ],
        10,
      ),
    ).toBeNull();
  });
});

describe('what one sees of the tasks', () => {
  test('stands in the URL', () => {
    const view = { state: 'failed', cursor: 'abc' } as const;
    expect(viewOf(queryOf(view))).toEqual(view);
    expect(queryOf({ state: null, cursor: null }).toString()).toBe('');
  });

  test.each(['state=nonsense', 'cursor=', `cursor=${'x'.repeat(501)}`])('is everything for %s', (text) => {
    expect(viewOf(new URLSearchParams(text))).toEqual({ state: null, cursor: null });
  });
});
