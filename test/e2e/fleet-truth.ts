import type { TaskState } from '#protocol';

/** What the control plane says in the end of one reset of one account of one host. */
export interface Ended {
  readonly generation: number;
  readonly state: TaskState;
  readonly code: string | null;
  readonly password: string;
}

/** What an ended task says about the account. */
type Word = 'set' | 'maybe' | 'untouched';

/**
 * | state                                              | what it says about the password of the account |
 * | -------------------------------------------------- | ---------------------------------------------- |
 * | succeeded                                          | it was this one, when the task ended           |
 * | outcome-unknown                                    | it may have become this one                    |
 * | failed, password-not-accepted                      | it was written; what stands now is open        |
 * | failed, any other code                             | it stayed what it was                          |
 * | cancelled, superseded, task-expired, blocked       | it stayed what it was                          |
 * | pending, dispatched, accepted, running, staged, …  | nothing: the task is open, which is a fault    |
 *
 * Null stands for the last row.
 */
function wordOf({ state, code }: Ended): Word | null {
  switch (state) {
    case 'succeeded':
      return 'set';
    case 'outcome-unknown':
      return 'maybe';
    case 'failed':
      return code === 'password-not-accepted' ? 'maybe' : 'untouched';
    case 'cancelled':
    case 'superseded':
    case 'task-expired':
    case 'blocked':
      return 'untouched';
    case 'pending':
    case 'staged':
    case 'awaiting-boot':
    case 'dispatched':
    case 'accepted':
    case 'running':
      return null;
    default:
      return state satisfies never;
  }
}

/**
 * The passwords of which one must open the account, by what was said of its resets: from the newest generation down to
 * the first that says "set". Older ones are history, because generations only rise. Throws where a task is open.
 */
export function passwordsAllowed(tasks: readonly Ended[], before: string): readonly string[] {
  const allowed: string[] = [];
  for (const task of tasks.toSorted((a, b) => b.generation - a.generation)) {
    const word = wordOf(task);
    if (word === null) throw new Error(`the task of generation ${String(task.generation)} is still ${task.state}`);
    if (word !== 'untouched') allowed.push(task.password);
    if (word === 'set') return allowed;
  }
  return [...allowed, before];
}
