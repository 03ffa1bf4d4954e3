import type { AccountName, ResultCode } from '#protocol';
import { decideContinuation, type AcceptedRecord } from '../domain/ledger.ts';
import type { AgentCrypto, Clock, Instance, Log, ResetOutcome } from '../ports.ts';
import type { AdmissionOptions, OpenTask } from './admission.ts';
import type { Journal } from './journal.ts';
import type { Outbox, OutboxOptions } from './outbox.ts';
import { allowReset, openPassword, type PasswordOptions } from './password.ts';
import type { Refusal, ResultSubject } from './results.ts';

/** What dealing with tasks needs. */
export interface TaskOptions
  extends
    Omit<AdmissionOptions, 'crypto' | 'journal' | 'openScript'>,
    Omit<PasswordOptions, 'crypto' | 'instance' | 'journal'>,
    Omit<OutboxOptions, 'crypto' | 'journal' | 'signal'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: AgentCrypto;
  readonly instance: Instance;
  readonly journal: Journal;
}

export interface RunOptions extends TaskOptions {
  readonly outbox: Outbox;
  readonly signal: AbortSignal;
}

/** Runs one task to its end, whatever happens: afterwards it is over, or left to the next run of the agent. */
export async function runTask(options: RunOptions, task: OpenTask): Promise<void> {
  const { log, journal, outbox } = options;
  const { accepted } = task;
  try {
    await run(options, task);
  } catch (error) {
    log.error({ taskId: accepted.taskId, error: String(error) }, 'a reset failed inside the agent');
    const known = journal.ledger().tasks.get(accepted.taskId);
    if (known?.phase === 'open') await abandon(outbox, accepted, known.begun !== null);
    else if (known === undefined) outbox.refuse(accepted.order, 'script-failed');
  }
}

/** Ends a task that cannot be run (again). Once begun, the script may have come anywhere: "failed" would be a guess. */
export async function abandon(outbox: Outbox, accepted: AcceptedRecord, begun: boolean): Promise<void> {
  const state = begun ? 'outcome-unknown' : 'failed';
  const detail = 'the order could not be opened again';
  await outbox.conclude(subjectOf(accepted, { begun }), { state, code: 'interrupted', detail });
}

async function run(options: RunOptions, task: OpenTask): Promise<void> {
  const { journal, outbox, signal } = options;
  const { accepted, order, begun } = task;
  if (task.journalled) {
    const known = journal.ledger().tasks.get(accepted.taskId);
    if (known?.phase !== 'open') return;
    const continuation = decideContinuation(journal.ledger(), known, options.moment());
    if (!continuation.run) {
      await outbox.conclude(subjectOf(accepted, { begun }), { ...continuation, detail: null });
      return;
    }
  }
  const allowed = await allowReset(options, order, begun);
  if (!allowed.ok) {
    const { refusal } = allowed;
    if (begun) await outbox.conclude(subjectOf(accepted, { begun }), interrupted(refusal.code));
    else if (task.journalled) await outbox.conclude(subjectOf(accepted), refusal);
    else await outbox.decline(accepted.order, subjectOf(accepted), refusal);
    return;
  }
  const { account } = allowed;
  const recorded = begun ? Promise.resolve(true) : begin(options, task);
  const attempting = tryReset(options, task, account, recorded);
  // Whatever goes wrong is said when it is known what is on disk, and not while that is being written.
  await Promise.allSettled([attempting, recorded]);
  const [attempt, mayBegin] = await Promise.all([attempting, recorded]);
  if (!mayBegin || attempt === null) return;
  if (!attempt.opened) {
    const { refusal } = attempt;
    await outbox.conclude(subjectOf(accepted, { begun }), begun ? interrupted(refusal.code) : refusal);
    return;
  }
  const { outcome, waitedMs } = attempt;
  // Ended by our own stop: not the last word on it, since the next run of the agent takes it up.
  if (signal.aborted && outcome.state === 'outcome-unknown') return;
  const subject = subjectOf(accepted, { account, begun: true, waitedMs });
  // A failure speaks of this run; the one that was interrupted may have come anywhere.
  await outbox.conclude(subject, begun && outcome.state === 'failed' ? interrupted(outcome.code) : outcome);
}

const NOT_OPENED: Refusal = { state: 'failed', code: 'script-failed', detail: 'the seal could not be opened' };

type Attempt =
  | { readonly opened: false; readonly refusal: Refusal }
  | { readonly opened: true; readonly outcome: ResetOutcome; readonly waitedMs: number };

/**
 * Has the account reset, and opens the seal for it. What touches nothing is done while the disk takes the record. Null
 * where it was not to begin.
 */
async function tryReset(
  options: RunOptions,
  task: OpenTask,
  account: AccountName,
  recorded: Promise<boolean>,
): Promise<Attempt | null> {
  const { accepted, order, script } = task;
  const { instance, clock, signal } = options;
  const seal = sealOf(options, task, account);
  const waitedMs = clock.monotonic() - accepted.arrivedMs;
  try {
    const wanted = { account, options: order.options, privileged: order.privileged, script };
    const outcome = await instance.reset({ ...wanted, password: () => seal.open(), begun: recorded, signal });
    if (outcome !== null) return { opened: true, outcome, waitedMs };
    const refusal = seal.refusal();
    return refusal === null ? null : { opened: false, refusal };
  } finally {
    seal.zero();
  }
}

/** The password of a task, from when it is opened until it is zeroed. */
function sealOf(options: RunOptions, { accepted, order }: OpenTask, account: AccountName) {
  let opened: Awaited<ReturnType<typeof openPassword>> | null = null;
  return {
    async open(): Promise<Uint8Array | null> {
      opened = await openPassword(options, order, account).catch((error: unknown) => {
        options.log.error({ taskId: accepted.taskId, error: String(error) }, 'a seal could not be opened');
        return { ok: false, refusal: NOT_OPENED } as const;
      });
      return opened.ok ? opened.password : null;
    },
    refusal: () => (opened?.ok === false ? opened.refusal : null),
    zero() {
      if (opened?.ok === true) opened.password.fill(0);
    },
  };
}

/** An earlier run was interrupted and this one did not succeed: whether the password was set is not known. */
function interrupted(detail: ResultCode): Refusal {
  return { state: 'outcome-unknown', code: 'interrupted', detail };
}

/** Journals that the task begins, before anything is touched; false when it must not begin. */
async function begin(options: RunOptions, task: OpenTask): Promise<boolean> {
  const { journal, outbox, log, send } = options;
  const { taskId } = task.accepted;
  const begun = { kind: 'begun', taskId, startedAt: options.moment() } as const;
  if (task.journalled) {
    if (!(await outbox.insist(() => journal.append(begun)))) return false;
  } else {
    try {
      // Accepted and begun in one write: an order that need not wait costs one flush of the disk.
      await journal.append(task.accepted, begun);
    } catch (error) {
      log.error({ error: String(error) }, 'the journal cannot be written, so nothing is done');
      outbox.withdraw(task.accepted.order);
      return false;
    }
  }
  // The write may have taken long, as on a full disk that is asked again and again: no limit may pass unseen meanwhile.
  const late = whyLate(options, task);
  if (late !== null) {
    await outbox.conclude(subjectOf(task.accepted), { state: 'failed', code: late, detail: null });
    return false;
  }
  send({ type: 'task-progress', taskId, state: 'running' });
  return true;
}

/** Why a task that is about to touch the account for the first time must not any more; null when it may. */
function whyLate(options: RunOptions, { accepted, order }: OpenTask): ResultCode | null {
  const ledger = options.journal.ledger();
  // Recorded as begun, but nothing has been touched: what is wrong now is a plain failure.
  const continuation = decideContinuation(ledger, { phase: 'open', accepted, begun: null }, options.moment());
  if (!continuation.run) return continuation.code;
  return options.believedNow() > order.notAfter ? 'reset-expired' : null;
}

export function subjectOf(
  accepted: AcceptedRecord,
  more: Partial<Pick<ResultSubject, 'account' | 'begun' | 'waitedMs'>> = {},
): ResultSubject {
  const { account, sealedDigest } = accepted;
  return { task: accepted, sealedDigest, account, begun: false, waitedMs: 0, ...more };
}
