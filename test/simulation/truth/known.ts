import type { AccountRef, InstanceId, ResetId, TaskId, TaskState } from '#protocol';
import { short, type Trace } from '../engine/trace.ts';
import type { PromiseName } from './promises.ts';

/** What is true of a task, whoever remembers it. */
export interface KnownTask {
  readonly id: TaskId;
  readonly resetId: ResetId;
  readonly instanceId: InstanceId;
  readonly account: AccountRef;
  readonly generation: number;
  readonly notAfter: number;
  readonly ciphertext: string;
  /** As the control plane that runs now has it. */
  state: TaskState;
  /** An order for it has left, in this history or in one that was lost. */
  dispatched: boolean;
  /** Numbers of commits. */
  readonly insertedBy: number;
  changedBy: number;
  /** A restored backup does not know it at all. */
  forgotten: boolean;
  /** A restored backup knows it as it once was; what happened since may never be told again. */
  rewound: boolean;
}

/** What an operator wanted, by the password, which is another one for every target of every reset. */
export interface Wish {
  readonly resetId: ResetId;
  readonly instanceId: InstanceId;
  readonly ciphertext: string;
}

/** A promise that was broken: what, and which promise. */
export interface Violation {
  readonly promise: PromiseName;
  readonly what: string;
}

/**
 * What really happened, seen from outside of every process: what operators asked for, what was committed, what was
 * sent. Nothing in the world reads it but the checks.
 */
export class Known {
  readonly tasks = new Map<TaskId, KnownTask>();
  readonly wishes = new Map<string, Wish>();
  readonly violations: Violation[] = [];
  /** Identities of which there is a copy. */
  readonly cloned = new Set<InstanceId>();
  readonly trace: Trace;
  /** How many transactions were committed. */
  commits = 0;
  readonly #byCiphertext = new Map<string, KnownTask>();
  readonly #passwords = new Map<string, string>();

  constructor(trace: Trace) {
    this.trace = trace;
  }

  violate(promise: PromiseName, what: string): void {
    this.violations.push({ promise, what });
    this.trace.add('VIOLATION', `${promise}: ${what}`);
  }

  addTask(task: KnownTask): void {
    this.tasks.set(task.id, task);
    if (task.ciphertext !== '') this.#byCiphertext.set(task.ciphertext, task);
  }

  /** The task behind a password; null when nobody ever asked for that. */
  taskOf(password: string): KnownTask | null {
    const wish = this.wishes.get(password);
    return wish === undefined ? null : (this.#byCiphertext.get(wish.ciphertext) ?? null);
  }

  passwordOf(task: KnownTask): string | null {
    return this.#passwords.get(task.ciphertext) ?? null;
  }

  addWish(password: string, wish: Wish): void {
    this.wishes.set(password, wish);
    this.#passwords.set(wish.ciphertext, password);
  }

  /** The store went back to where it was after that many commits. */
  rewind(commits: number): void {
    for (const task of this.tasks.values()) {
      if (task.insertedBy > commits) task.forgotten = true;
      else if (task.changedBy > commits) task.rewound = true;
      else continue;
      this.trace.count(task.forgotten ? 'task forgotten by a restore' : 'task rewound by a restore');
    }
  }
}

export function nameOf(task: Pick<KnownTask, 'id' | 'account' | 'generation'>): string {
  return `task ${short(task.id)} (${task.account}, generation ${task.generation})`;
}
