import type { AgentFrame, InstanceId, Signed, TaskId } from '#protocol';
import { openTasks, unacknowledged, type LedgerTask } from '../domain/ledger.ts';
import type { AgentCrypto, Clock, Log, ResetOutcome } from '../ports.ts';
import { createInsistence, type Insist } from './insistence.ts';
import type { Journal } from './journal.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { signResult, type Refusal, type ResultSubject } from './results.ts';

/** Acknowledged tasks wait this long for others before the journal is rewritten without them. */
const COMPACT_AFTER_MS = 1_000;

export interface OutboxOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: Pick<AgentCrypto, 'identity' | 'sha256'>;
  readonly journal: Journal;
  readonly instanceId: InstanceId;
  /** Says it in the live session; lost where there is none. */
  readonly send: (frame: AgentFrame) => void;
  /** Something that the status or the health shows may have changed. */
  readonly onChange: () => void;
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal;
}

/** Says what became of tasks, and keeps saying it until it is acknowledged. */
export interface Outbox extends Refusals {
  /** The word on a task about which nothing was journalled and nothing done. */
  decline(order: Signed, subject: ResultSubject, refusal: Refusal): Promise<void>;
  /** The last word on a task that was taken. Tries until it is on disk, or the agent stops. */
  conclude(subject: ResultSubject, outcome: ResetOutcome | Refusal): Promise<void>;
  insist: Insist;
  sayAgain(task: LedgerTask): void;
  /** Everything that a new session should hear. */
  resend(): void;
  /** The control plane has the last word on that task. */
  acknowledge(taskId: TaskId): void;
  close(): void;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { log, crypto, journal, instanceId, send, onChange } = options;
  const insist = createInsistence(options);
  const refusals = createRefusals({ ...options, insist });
  const inBackground = (failure: string, work: () => Promise<void>) => {
    work().catch((error: unknown) => log.error({ error: String(error) }, failure));
  };

  const sayAgain = (task: LedgerTask) => send(standingOf(task));
  const compaction = createCompaction(options);

  return {
    ...refusals,
    insist,
    sayAgain,
    async decline(order, subject, refusal) {
      try {
        const record = await signResult(crypto.identity, instanceId, subject, refusal);
        await journal.append(record);
        log.warn({ taskId: record.taskId, code: refusal.code }, 'declined an order');
        send({ type: 'result', result: record.result });
      } catch {
        refusals.refuse(order, refusal.code); // Where the disk refuses even that, an unsigned word must do: nothing was touched.
      }
      onChange();
    },
    async conclude(subject, outcome) {
      const record = await signResult(crypto.identity, instanceId, subject, outcome);
      // Journalled before it is sent: after a crash the same word is said again, not another one.
      if (!(await insist(() => journal.append(record)))) return;
      const code = outcome.state === 'succeeded' ? null : outcome.code;
      log.info({ taskId: record.taskId, account: subject.account, state: outcome.state, code }, 'a reset is over');
      send({ type: 'result', result: record.result });
      onChange();
    },
    resend() {
      for (const record of unacknowledged(journal.ledger())) sayAgain({ phase: 'over', record });
      for (const task of openTasks(journal.ledger())) sayAgain(task);
    },
    acknowledge(taskId) {
      if (journal.ledger().tasks.get(taskId)?.phase !== 'over') return;
      // Not waited for: while the disk refuses, other frames must be heard. A crash leads to another acknowledgement.
      inBackground('an acknowledgement could not be kept', async () => {
        if (!(await insist(() => journal.append({ kind: 'acknowledged', taskId })))) return;
        compaction.schedule();
        onChange();
      });
    },
    close() {
      compaction.cancel();
    },
  };
}

/** What is known about a task, as it was said before. */
function standingOf(task: LedgerTask): AgentFrame {
  if (task.phase === 'over') return { type: 'result', result: task.record.result };
  return { type: 'task-progress', taskId: task.accepted.taskId, state: task.begun === null ? 'accepted' : 'running' };
}

function createCompaction({ clock, journal, log, onChange }: OutboxOptions) {
  let forget: (() => void) | null = null;
  const compact = () => {
    journal.compact().catch((error: unknown) => {
      log.warn({ error: String(error) }, 'the journal could not be compacted');
      onChange();
    });
  };
  const cancel = () => forget?.();
  return {
    cancel,
    schedule() {
      cancel();
      forget = clock.after(COMPACT_AFTER_MS, compact);
    },
  };
}
