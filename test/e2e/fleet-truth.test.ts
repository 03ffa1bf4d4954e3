import { describe, expect, test } from 'vitest';
import type { TaskState } from '#protocol';
import { passwordsAllowed, type Ended } from './fleet-truth.ts';

const ended = (generation: number, state: TaskState, code: string | null = null): Ended => ({
  ...{ generation, state, code },
  password: `p${String(generation)}`,
});

describe('the passwords that the states of an account allow', () => {
  test('are the newest that succeeded, and no other', () => {
    expect(passwordsAllowed([ended(1, 'succeeded'), ended(2, 'succeeded')], 'before')).toEqual(['p2']);
  });

  test('follow the generations, not the order in which they are told', () => {
    expect(passwordsAllowed([ended(3, 'succeeded'), ended(1, 'succeeded')], 'before')).toEqual(['p3']);
  });

  test.each(['cancelled', 'superseded', 'task-expired', 'blocked'] as const)('are not touched by %s', (state) => {
    expect(passwordsAllowed([ended(1, 'succeeded'), ended(2, state)], 'before')).toEqual(['p1']);
    expect(passwordsAllowed([ended(1, state)], 'before')).toEqual(['before']);
  });

  test('are two where the newest outcome is unknown, and more where several are', () => {
    expect(passwordsAllowed([ended(1, 'succeeded'), ended(2, 'outcome-unknown')], 'before')).toEqual(['p2', 'p1']);
    expect(passwordsAllowed([ended(1, 'outcome-unknown')], 'before')).toEqual(['p1', 'before']);
  });

  test('count a failure as one that changed nothing, but for the code that says otherwise', () => {
    expect(passwordsAllowed([ended(1, 'failed', 'script-failed')], 'before')).toEqual(['before']);
    expect(passwordsAllowed([ended(1, 'failed', 'password-not-accepted')], 'before')).toEqual(['p1', 'before']);
  });

  test.each(['pending', 'dispatched', 'accepted', 'running', 'staged', 'awaiting-boot'] as const)(
    'are not to be told while a task is %s',
    (state) => {
      expect(() => passwordsAllowed([ended(1, state)], 'before')).toThrow(`still ${state}`);
    },
  );
});
