import { TASK_COUNTS_AS, TaskState, type Code } from '#protocol';

/** What can happen to a task. */
export type TaskEvent =
  /** An order for it leaves, for the first time or again. */
  | { readonly type: 'dispatch' }
  /** The instance says how far it is. */
  | { readonly type: 'progress'; readonly state: 'accepted' | 'running' }
  /** The instance's signed word on the outcome. */
  | { readonly type: 'result'; readonly state: 'succeeded' | 'failed' | 'outcome-unknown' }
  /** The instance refused the order before it touched anything. */
  | { readonly type: 'refuse' }
  /** Before anything was sent it turned out that it may not start. */
  | { readonly type: 'block' }
  /** Its limit has passed. */
  | { readonly type: 'expire' }
  | { readonly type: 'cancel' }
  | { readonly type: 'supersede' };

export type TaskEventType = TaskEvent['type'];

/**
 * Where an event leads from a state; what is absent does not happen there. The same state again means: taken note of.
 * The instance's word (`result`) is taken wherever no other word of it stands, because what happened there is the truth
 * whatever was believed here.
 */
const TRANSITIONS: Record<TaskState, Partial<Record<TaskEventType, TaskState>>> = {
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
  dispatched: { dispatch: 'dispatched', refuse: 'failed', expire: 'outcome-unknown' },
  accepted: { dispatch: 'accepted', refuse: 'failed', expire: 'outcome-unknown' },
  running: { dispatch: 'running', expire: 'outcome-unknown' },
  'outcome-unknown': {},
  succeeded: {},
  failed: {},
  'task-expired': {},
  cancelled: {},
  superseded: {},
  blocked: {},
};

const PROGRESS_FROM: Record<'accepted' | 'running', readonly TaskState[]> = {
  accepted: ['dispatched'],
  running: ['dispatched', 'accepted'],
};

/** States in which the instance has spoken its last word. */
const SETTLED: readonly TaskState[] = ['succeeded', 'failed'];

/** The state after the event, or null when it does not apply in this state. */
export function nextTaskState(state: TaskState, event: TaskEvent): TaskState | null {
  switch (event.type) {
    case 'result':
      return SETTLED.includes(state) ? null : event.state;
    case 'progress':
      return PROGRESS_FROM[event.state].includes(state) ? event.state : null;
    case 'dispatch':
    case 'refuse':
    case 'block':
    case 'expire':
    case 'cancel':
    case 'supersede':
      return TRANSITIONS[state][event.type] ?? null;
    default:
      return event satisfies never;
  }
}

/** Nothing was sent yet: it can still be cancelled or superseded without a doubt. */
export const UNAPPLIED_STATES: readonly TaskState[] = ['pending', 'staged', 'awaiting-boot'];
/** Everything that is still to come to an end. */
export const UNFINISHED_STATES: readonly TaskState[] = TaskState.options.filter(isUnfinished);
/** An order may be with the instance. */
export const IN_FLIGHT_STATES: readonly TaskState[] = UNFINISHED_STATES.filter(
  (state) => !UNAPPLIED_STATES.includes(state),
);

export function isUnfinished(state: TaskState): boolean {
  return TASK_COUNTS_AS[state] === 'pending';
}

/** The code that a task carries after the control plane itself ended it. */
export const CODE_OF_END: Partial<Record<TaskState, Code>> = {
  'task-expired': 'task-expired',
  'outcome-unknown': 'no-answer',
  cancelled: 'cancelled-by-operator',
  superseded: 'superseded-by-newer',
};
