import { TaskState } from '#protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  IN_FLIGHT_STATES,
  UNAPPLIED_STATES,
  UNFINISHED_STATES,
  isUnfinished,
  nextTaskState,
  type TaskEvent,
} from '../../../../control-plane/server/domain/task.ts';

const EVENTS: readonly TaskEvent[] = [
  { type: 'dispatch' },
  { type: 'progress', state: 'accepted' },
  { type: 'progress', state: 'running' },
  { type: 'result', state: 'succeeded' },
  { type: 'result', state: 'failed' },
  { type: 'result', state: 'outcome-unknown' },
  { type: 'refuse' },
  { type: 'block' },
  { type: 'expire' },
  { type: 'cancel' },
  { type: 'supersede' },
];

const name = (event: TaskEvent) => ('state' in event ? `${event.type}:${event.state}` : event.type);

/** The whole table: each line is a state, then what every event that applies leads to. */
const TABLE: Record<TaskState, Record<string, TaskState>> = {
  pending: {
    dispatch: 'dispatched',
    block: 'blocked',
    expire: 'task-expired',
    cancel: 'cancelled',
    supersede: 'superseded',
  },
  staged: {
    dispatch: 'dispatched',
    block: 'blocked',
    expire: 'task-expired',
    cancel: 'cancelled',
    supersede: 'superseded',
  },
  'awaiting-boot': {
    dispatch: 'dispatched',
    block: 'blocked',
    expire: 'task-expired',
    cancel: 'cancelled',
    supersede: 'superseded',
  },
  dispatched: {
    dispatch: 'dispatched',
    'progress:accepted': 'accepted',
    'progress:running': 'running',
    refuse: 'failed',
    expire: 'outcome-unknown',
  },
  accepted: { dispatch: 'accepted', 'progress:running': 'running', refuse: 'failed', expire: 'outcome-unknown' },
  running: { dispatch: 'running', expire: 'outcome-unknown' },
  'outcome-unknown': {},
  succeeded: {},
  failed: {},
  'task-expired': {},
  cancelled: {},
  superseded: {},
  blocked: {},
};

describe('a task', () => {
  test.each(TaskState.options)('in state %s goes where the table says and nowhere else', (state) => {
    for (const event of EVENTS.filter((candidate) => candidate.type !== 'result')) {
      expect([name(event), nextTaskState(state, event)]).toEqual([name(event), TABLE[state][name(event)] ?? null]);
    }
  });

  test.each(TaskState.options)('in state %s takes the word of the instance unless it has spoken already', (state) => {
    const settled = state === 'succeeded' || state === 'failed';
    for (const outcome of ['succeeded', 'failed', 'outcome-unknown'] as const) {
      const expected = settled ? null : outcome;
      expect(nextTaskState(state, { type: 'result', state: outcome })).toBe(expected);
    }
  });

  test('that ended never comes back to life', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 }), (events) => {
        let state: TaskState = 'pending';
        let ended = false;
        for (const event of events) {
          state = nextTaskState(state, event) ?? state;
          if (ended) expect(isUnfinished(state)).toBe(false);
          ended = !isUnfinished(state);
        }
      }),
    );
  });

  test('is cancelled only while nothing of it was sent', () => {
    for (const state of IN_FLIGHT_STATES) expect(nextTaskState(state, { type: 'cancel' })).toBeNull();
    for (const state of UNAPPLIED_STATES) expect(nextTaskState(state, { type: 'cancel' })).toBe('cancelled');
    expect(new Set(UNFINISHED_STATES).size).toBe(UNAPPLIED_STATES.length + IN_FLIGHT_STATES.length);
  });

  test('whose order left is never called expired when its limit passes: what became of it is not known', () => {
    for (const state of IN_FLIGHT_STATES) expect(nextTaskState(state, { type: 'expire' })).toBe('outcome-unknown');
  });
});
