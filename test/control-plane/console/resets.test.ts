import { describe, expect, test } from 'vitest';
import { countsOf } from '../../../control-plane/console/pages/resets/row.ts';
import { nameOfActor } from '../../../control-plane/console/parts/actor.ts';
import { standOf } from '../../../control-plane/console/parts/stand.ts';

describe('a reset in the list', () => {
  const counts = { total: 3, succeeded: 3, failed: 0, blocked: 0, pending: 0 };

  test('is a success only where everybody was reset', () => {
    expect(standOf({ state: 'finished', counts }).tone).toBe('success');
    expect(standOf({ state: 'finished', counts: { ...counts, succeeded: 2, blocked: 1 } }).tone).toBe('warning');
    expect(standOf({ state: 'finished', counts: { ...counts, succeeded: 2, failed: 1 } }).tone).toBe('error');
    expect(standOf({ state: 'paused', counts }).tone).toBe('stopped');
    expect(standOf({ state: 'stopped', counts }).tone).toBe('error');
    expect(standOf({ state: 'running', counts }).tone).toBe('in-progress');
  });

  test('counts what is not zero', () => {
    expect(countsOf(counts)).toEqual(['3 of 3 succeeded']);
    expect(countsOf({ ...counts, succeeded: 0, failed: 1, blocked: 1, pending: 1 })).toEqual([
      '0 of 3 succeeded',
      '1 failed',
      '1 blocked',
      '1 to go',
    ]);
  });

  test('names who asked for it without an id', () => {
    expect(nameOfActor('token:00000000-0000-4000-8000-000000000000 the ops team')).toBe('the ops team');
    expect(nameOfActor('system')).toBe('system');
  });
});
