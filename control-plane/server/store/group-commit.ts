import { AsyncLocalStorage } from 'node:async_hooks';
import { StoreError } from './errors.ts';

/** How many transactions share one commit at the most: bounds what one failing commit takes with it. */
const GROUP_TRANSACTIONS_MAX = 256;

/** One connection's transactions, as plain synchronous commands. */
export interface TransactionControl {
  begin(): void;
  /** Returns once durable. */
  commit(): void;
  rollback(): void;
  savepoint(): void;
  releaseSavepoint(): void;
  rollbackToSavepoint(): void;
  /** False after the database gave the whole transaction up by itself (disk full, input or output error). */
  isOpen(): boolean;
}

export interface GroupCommitOptions {
  readonly control: TransactionControl;
  /** Waits for company: resolves when no more transactions are about to be queued at this very moment. */
  readonly gather: () => Promise<void>;
  readonly onCommit?: ((transactions: number) => void) | undefined;
}

/**
 * One writer, many transactions: whatever is queued while one runs joins its BEGIN … COMMIT, each in a savepoint of its
 * own. A thrown error rolls back to that savepoint alone. Nobody hears of an outcome before the commit, not even of
 * their own error, since it may rest on what another transaction of the group wrote.
 */
export interface GroupCommit {
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** Runs between groups, when no transaction is open, in the order of the queue; nothing else runs meanwhile. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Throws `misuse` unless called from within the work that is running now. */
  assertInside(): void;
  /** Throws `misuse` when called from within a transaction. */
  assertOutside(): void;
  /** Lets the queue run dry and refuses everything from now on. */
  close(): Promise<void>;
}

/** A queued piece of work; `settle` tells its caller, `fail` overrides the outcome. */
interface Entry {
  readonly kind: 'transaction' | 'exclusive';
  readonly run: () => Promise<void>;
  /** Whether `run` ended in an error, and in which. */
  failed(): boolean;
  error(): unknown;
  settle(): void;
  fail(error: unknown): void;
}

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const scope = createScope();
  const queue: Entry[] = [];
  let running = false;
  let idle: Promise<void> = Promise.resolve();
  let closed = false;

  async function drain(): Promise<void> {
    for (;;) {
      await options.gather();
      const next = queue[0];
      if (next === undefined) {
        // In the same breath as the look at the queue: what is queued from now on starts another run.
        running = false;
        return;
      }
      if (next.kind === 'transaction') {
        await runGroup(options, scope, queue);
      } else {
        queue.shift();
        await scope.run(next);
        next.settle();
      }
    }
  }

  function enqueue<T>(kind: Entry['kind'], work: () => Promise<T>): Promise<T> {
    scope.assertOutside();
    if (closed) throw new StoreError('closed', 'The store is closed.');
    return new Promise<T>((resolve, reject) => {
      queue.push(createEntry(kind, work, resolve, reject));
      if (running) return;
      running = true;
      idle = scope.leave(drain);
    });
  }

  return {
    transaction: async (work) => enqueue('transaction', work),
    exclusive: async (work) => enqueue('exclusive', work),
    assertInside: scope.assertInside,
    assertOutside: scope.assertOutside,
    async close() {
      closed = true;
      while (running) await idle;
    },
  };
}

/** Takes transactions from the head of the queue, also those that come while it runs, into one commit. */
async function runGroup(options: GroupCommitOptions, scope: Scope, queue: Entry[]): Promise<void> {
  const { control, onCommit } = options;
  const group: Entry[] = [];
  try {
    control.begin();
    while (queue[0]?.kind === 'transaction' && group.length < GROUP_TRANSACTIONS_MAX) {
      const entry = queue.shift();
      if (entry === undefined) break;
      group.push(entry);
      await runInSavepoint(control, scope, entry);
    }
    control.commit();
  } catch (cause) {
    if (control.isOpen()) control.rollback();
    const error = new StoreError('commit-failed', 'The store could not commit; nothing of it was kept.', { cause });
    // If not even a transaction could be begun, whoever waits would wait for the same failure again.
    for (const entry of group.length > 0 ? group : queue.splice(0)) entry.fail(error);
    return;
  }
  for (const entry of group) entry.settle();
  onCommit?.(group.length);
}

async function runInSavepoint(control: TransactionControl, scope: Scope, entry: Entry): Promise<void> {
  control.savepoint();
  await scope.run(entry);
  // When the database ended the transaction by itself, what ran before in this group is gone as well.
  if (!control.isOpen()) {
    throw new StoreError('commit-failed', 'The database gave the transaction up.', { cause: entry.error() });
  }
  if (entry.failed()) control.rollbackToSavepoint();
  control.releaseSavepoint();
}

/** Knows which entry is running, and whether the code that asks belongs to it. */
interface Scope {
  run(entry: Entry): Promise<void>;
  /** Runs outside of the caller's entry, so that the queue does not belong to whoever happened to start it. */
  leave(run: () => Promise<void>): Promise<void>;
  readonly assertInside: () => void;
  readonly assertOutside: () => void;
}

function createScope(): Scope {
  const context = new AsyncLocalStorage<Entry | undefined>();
  let current: Entry | null = null;
  const isInside = (): boolean => current !== null && context.getStore() === current;
  return {
    async run(entry) {
      current = entry;
      try {
        await context.run(entry, entry.run);
      } finally {
        current = null;
      }
    },
    leave: (run) => context.run(undefined, run),
    assertInside() {
      if (!isInside()) throw new StoreError('misuse', 'A transaction is used after its end, or from outside of it.');
    },
    assertOutside() {
      if (!isInside()) return;
      throw new StoreError(
        'misuse',
        'Within a transaction, use its own `tx`: what is asked of the store waits for it.',
      );
    },
  };
}

function createEntry<T>(
  kind: Entry['kind'],
  work: () => Promise<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Entry {
  let outcome: { ok: true; value: T } | { ok: false; error: unknown } | null = null;
  return {
    kind,
    run: async () => {
      try {
        outcome = { ok: true, value: await work() };
      } catch (error) {
        outcome = { ok: false, error };
      }
    },
    failed: () => outcome?.ok === false,
    error: () => (outcome?.ok === false ? outcome.error : undefined),
    settle: () => {
      if (outcome?.ok === true) resolve(outcome.value);
      else reject(outcome?.error);
    },
    fail: reject,
  };
}
