import {
  SEALING_KEY_LIFETIME_MS,
  type AccountName,
  type AccountRef,
  type Digest,
  type ResetId,
  type Signed,
  type SignedScript,
  type TaskId,
  type Thumbprint,
} from '#protocol';
import { isWithinHour, type StartedAt } from './policy.ts';

/** An order that was taken, with all that running it again after a crash needs. */
export interface AcceptedRecord {
  readonly kind: 'accepted';
  readonly taskId: TaskId;
  readonly resetId: ResetId;
  readonly account: AccountRef;
  readonly generation: number;
  readonly sealedDigest: Digest;
  /** The sealing key that it needs. */
  readonly keyId: Thumbprint;
  readonly notAfter: number;
  readonly order: Signed;
  readonly script: SignedScript;
  /** The boot in which the two following times mean something. */
  readonly bootId: string;
  readonly arrivedMs: number;
  /** When the order is too old, by the boot's monotonic clock. */
  readonly deadlineMs: number;
}

/** From here on the account may have been changed. */
export interface BegunRecord {
  readonly kind: 'begun';
  readonly taskId: TaskId;
  readonly startedAt: StartedAt;
}

/** The signed word on a task. It stands by itself: a refused order has no other record. */
export interface ResultRecord {
  readonly kind: 'result';
  readonly taskId: TaskId;
  readonly resetId: ResetId;
  /** Whose reset it was; records of earlier versions do without. */
  readonly account?: AccountRef | undefined;
  readonly notAfter: number;
  readonly sealedDigest: Digest;
  readonly result: Signed;
  /** Set when the task was begun: the generation that the account has now. Beside the result, so that neither is lost alone. */
  readonly applied: { readonly account: AccountName; readonly generation: number } | null;
}

export interface AcknowledgedRecord {
  readonly kind: 'acknowledged';
  readonly taskId: TaskId;
}

export interface SpentReset {
  readonly resetId: ResetId;
  readonly notAfter: number;
  /** Whose; records of earlier versions do without. */
  readonly account?: AccountRef | undefined;
}

/** What is left of tasks that are over; the first record of a compacted journal. */
export interface BaseRecord {
  readonly kind: 'base';
  readonly generations: readonly { readonly account: AccountRef; readonly generation: number }[];
  readonly spent: readonly SpentReset[];
  readonly started: readonly StartedAt[];
}

export type JournalRecord = AcceptedRecord | BegunRecord | ResultRecord | AcknowledgedRecord | BaseRecord;

/** A task that has not been acknowledged: taken (begun or not), or over with its result to be delivered. */
export type LedgerTask =
  | { readonly phase: 'open'; readonly accepted: AcceptedRecord; readonly begun: BegunRecord | null }
  | { readonly phase: 'over'; readonly record: ResultRecord };

export interface Ledger {
  readonly tasks: ReadonlyMap<TaskId, LedgerTask>;
  /** The newest generation that a script was started for, by account. */
  readonly generations: ReadonlyMap<AccountRef, number>;
  /**
   * Resets that were started here, or of which the last word was said, with the moment after which their seal is void
   * anyway: what was said to have failed must not be done when its order comes once more.
   */
  readonly spent: ReadonlyMap<ResetId, Omit<SpentReset, 'resetId'>>;
  readonly started: readonly StartedAt[];
}

export const EMPTY_LEDGER: Ledger = { tasks: new Map(), generations: new Map(), spent: new Map(), started: [] };

/** The ledger after one more record. A record that has lost what it belongs to (damage) changes nothing. */
export function applyRecord(ledger: Ledger, record: JournalRecord): Ledger {
  switch (record.kind) {
    case 'base':
      return {
        ...ledger,
        generations: new Map(record.generations.map(({ account, generation }) => [account, generation])),
        spent: new Map(record.spent.map(({ resetId, ...spent }) => [resetId, spent])),
        started: record.started,
      };
    case 'accepted':
      if (ledger.tasks.has(record.taskId)) return ledger;
      return withTask(ledger, record.taskId, { phase: 'open', accepted: record, begun: null });
    case 'begun': {
      const task = ledger.tasks.get(record.taskId);
      if (task?.phase !== 'open') return ledger;
      const { account, generation, resetId, notAfter } = task.accepted;
      const raised = spend(raise(ledger, account, generation), { resetId, notAfter, account });
      // A compacted journal has these times in its base already.
      const known = ledger.started.some((at) => sameMoment(at, record.startedAt));
      const next = { ...raised, started: known ? ledger.started : [...ledger.started, record.startedAt] };
      return withTask(next, record.taskId, { ...task, begun: record });
    }
    case 'result': {
      const { applied, resetId, notAfter } = record;
      const account = record.account ?? ledger.spent.get(resetId)?.account;
      const raised = applied === null ? ledger : raise(ledger, applied.account, applied.generation);
      return withTask(spend(raised, { resetId, notAfter, account }), record.taskId, { phase: 'over', record });
    }
    case 'acknowledged': {
      if (ledger.tasks.get(record.taskId)?.phase !== 'over') return ledger;
      const tasks = new Map(ledger.tasks);
      tasks.delete(record.taskId);
      return { ...ledger, tasks };
    }
    default:
      return record satisfies never;
  }
}

function sameMoment(a: StartedAt, b: StartedAt): boolean {
  return a.bootId === b.bootId && a.monotonicMs === b.monotonicMs && a.wallMs === b.wallMs;
}

function withTask(ledger: Ledger, taskId: TaskId, task: LedgerTask): Ledger {
  return { ...ledger, tasks: new Map(ledger.tasks).set(taskId, task) };
}

function raise(ledger: Ledger, account: AccountRef, generation: number): Ledger {
  const newest = Math.max(ledger.generations.get(account) ?? 0, generation);
  return { ...ledger, generations: new Map(ledger.generations).set(account, newest) };
}

function spend(ledger: Ledger, { resetId, ...spent }: SpentReset): Ledger {
  return { ...ledger, spent: new Map(ledger.spent).set(resetId, spent) };
}

/**
 * Whether one more reset of that account may be remembered, of `resetsMax` in all. An account may have as many as are
 * still free: a busy one comes to a half, several share all but one share of the same size, and there is always room for
 * one that has none.
 */
export function hasRoomFor(ledger: Ledger, account: AccountRef, resetsMax: number): boolean {
  const free = resetsMax - ledger.spent.size;
  const own = [...ledger.spent.values()].filter((spent) => spent.account === account).length;
  return own < free;
}

/**
 * By then the key of the seal is gone, so that nothing opens it any more. Its limit alone would not do: the time that it
 * is judged by may be the control plane's word, and a stolen one can say that it is last week.
 */
const SPENT_MARGIN_MS = SEALING_KEY_LIFETIME_MS + 24 * 3_600_000;

/** The fewest records that make the same ledger; sealed bytes of what is over are not among them. */
export function compactRecords(ledger: Ledger, now: StartedAt): JournalRecord[] {
  const base: BaseRecord = {
    kind: 'base',
    generations: [...ledger.generations].map(([account, generation]) => ({ account, generation })),
    spent: [...ledger.spent]
      .filter(([, { notAfter }]) => notAfter + SPENT_MARGIN_MS > now.wallMs)
      .map(([resetId, spent]) => ({ resetId, ...spent })),
    started: ledger.started.filter((at) => isWithinHour(at, now)),
  };
  const tasks = [...ledger.tasks.values()].map((task) => (task.phase === 'over' ? task.record : task.accepted));
  return [base, ...tasks, ...begunRecords(ledger)];
}

function begunRecords(ledger: Ledger): BegunRecord[] {
  return [...ledger.tasks.values()].flatMap((task) =>
    task.phase === 'open' && task.begun !== null ? [task.begun] : [],
  );
}

/** Tasks whose result the control plane has not acknowledged. */
export function unacknowledged(ledger: Ledger): ResultRecord[] {
  return [...ledger.tasks.values()].flatMap((task) => (task.phase === 'over' ? [task.record] : []));
}

export function openTasks(ledger: Ledger): Extract<LedgerTask, { phase: 'open' }>[] {
  return [...ledger.tasks.values()].filter((task) => task.phase === 'open');
}

/** Whether a newer reset of the account was taken or applied: then this one must not undo it. */
export function isOvertaken(ledger: Ledger, accepted: AcceptedRecord): boolean {
  if ((ledger.generations.get(accepted.account) ?? 0) > accepted.generation) return true;
  return openTasks(ledger).some(
    ({ accepted: other }) => other.account === accepted.account && other.generation > accepted.generation,
  );
}

export type Continuation =
  | { readonly run: true }
  | { readonly run: false; readonly state: 'failed' | 'outcome-unknown'; readonly code: ContinuationCode };
type ContinuationCode = 'interrupted' | 'order-expired' | 'generation-stale';

/** What becomes of an open task when its turn comes, also after a crash. Scripts are idempotent, so it may run again. */
export function decideContinuation(
  ledger: Ledger,
  task: Extract<LedgerTask, { phase: 'open' }>,
  now: Pick<StartedAt, 'bootId' | 'monotonicMs'>,
): Continuation {
  const { accepted } = task;
  const overtaken = isOvertaken(ledger, accepted);
  const sameBoot = accepted.bootId === now.bootId && now.monotonicMs >= accepted.arrivedMs;
  if (!overtaken && sameBoot && now.monotonicMs < accepted.deadlineMs) return { run: true };
  // Begun and not run again: the script may have come anywhere, and to say "failed" would be a guess.
  if (task.begun !== null) return { run: false, state: 'outcome-unknown', code: 'interrupted' };
  return { run: false, state: 'failed', code: overtaken ? 'generation-stale' : 'order-expired' };
}
