import type { ServerFrameOf, Signed, TaskId } from '#protocol';
import { openTasks } from '../domain/ledger.ts';
import { admit, reopen, type Admission, type OpenTask, type SessionView } from './admission.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createScriptOpener } from './script-opener.ts';
import { abandon, runTask, subjectOf, type TaskOptions } from './run-task.ts';

/** Takes orders, runs one reset at a time, and keeps what is said about them true. */
export interface Executor {
  /** Resolves once the order has been judged, and is journalled if it has to wait for its turn. */
  take(frame: ServerFrameOf<'order'>, session: SessionView, arrivedMs: number): Promise<void>;
  acknowledge(taskId: TaskId): void;
  /** Tells a new session where things stand. */
  resend(): void;
  /** Takes up what the last run of the agent left. */
  recover(): Promise<void>;
  /** Takes nothing more. Waits that long for a running reset, then ends it: the next run of the agent takes it up. */
  stop(graceMs: number): Promise<void>;
}

export function createExecutor(options: TaskOptions): Executor {
  const { clock, journal, log } = options;
  const admission = { ...options, openScript: createScriptOpener(options) };
  const abort = new AbortController();
  const outbox = createOutbox({ ...options, signal: abort.signal });
  const queue: OpenTask[] = [];
  let inHand: OpenTask | null = null;
  let working: Promise<void> | null = null;
  let stopping = false;

  const work = async () => {
    for (let task = queue.shift(); task !== undefined && !abort.signal.aborted; task = queue.shift()) {
      inHand = task;
      await runTask({ ...options, outbox, signal: abort.signal }, task);
      inHand = null;
    }
    working = null;
  };
  const enqueue = (task: OpenTask) => {
    queue.push(task);
    working ??= work();
  };
  /** An order that finds the agent idle is journalled when it begins, in the same write. */
  const acceptOrQueue = async (task: OpenTask) => {
    if (working === null) {
      enqueue(task);
      return;
    }
    const { taskId, resetId } = task.accepted;
    if (inHand?.accepted.taskId === taskId && inHand.accepted.resetId === resetId) return; // Its progress will be said.
    try {
      await journal.append(task.accepted);
    } catch (error) {
      log.error({ error: String(error) }, 'the journal cannot be written, so nothing is done');
      outbox.withdraw(task.accepted.order);
      return;
    }
    options.send({ type: 'task-progress', taskId, state: 'accepted' });
    enqueue({ ...task, journalled: true });
  };

  return {
    async take(frame, session, arrivedMs) {
      if (stopping || outbox.refuseAgain(frame.order)) return;
      const admitted = await admit(admission, frame, session, arrivedMs);
      if (admitted.to === 'take') await acceptOrQueue(admitted.task);
      else await answer(outbox, frame.order, admitted);
    },
    acknowledge: (taskId) => outbox.acknowledge(taskId),
    resend: () => outbox.resend(),
    async recover() {
      for (const { accepted, begun } of openTasks(journal.ledger())) {
        const task = await reopen(admission, accepted, begun !== null);
        if (task !== null) enqueue(task);
        else {
          // Not awaited: where the disk refuses, the agent must come up all the same, and say so.
          abandon(outbox, accepted, begun !== null).catch((error: unknown) => {
            log.error({ error: String(error) }, 'an interrupted reset could not be reported');
          });
        }
      }
    },
    async stop(graceMs) {
      stopping = true;
      queue.length = 0; // What waited is in the journal.
      outbox.close();
      const forget = clock.after(graceMs, () => abort.abort());
      await working;
      forget();
      abort.abort();
    },
  };
}

async function answer(outbox: Outbox, order: Signed, admission: Exclude<Admission, { to: 'take' }>): Promise<void> {
  switch (admission.to) {
    case 'refuse':
      outbox.refuse(order, admission.code);
      return;
    case 'say-again':
      outbox.sayAgain(admission.task);
      return;
    case 'decline': {
      const refusal = { state: 'failed', code: admission.code, detail: null } as const;
      await outbox.decline(order, subjectOf(admission.accepted), refusal);
      return;
    }
    default:
      admission satisfies never;
  }
}
