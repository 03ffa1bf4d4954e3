import { cutoffsOf, type Cutoffs, type Look, type Retention } from '../domain/retention.ts';
import type { AuditEntry } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createBackground } from './background.ts';
import type { Clock, Log } from './ports.ts';

/** The first pass comes this long after the start, too: a clock that is wrong at boot has been set by then. */
const PASS_INTERVAL_MS = 3_600_000;
/** After a pass that had to leave something for the next one. */
const BACKLOG_INTERVAL_MS = 10_000;
/** What one pass removes, in one transaction: no more than the start of the largest reset inserts in one. */
const RESETS_PER_PASS_MAX = 100;
const TASKS_PER_PASS_MAX = 10_000;
const AUDIT_PER_PASS_MAX = 5_000;

export interface RetentionSweep {
  /** One pass, now. True when it left something for the next one. */
  run(): Promise<boolean>;
  /** No more passes. Resolves when the one that is under way is through. */
  stop(): Promise<void>;
}

/**
 * Removes finished resets and old records of the audit. Nothing else rests on them: generations have a table of their
 * own, and an instance that still brings a result for a task that is gone has it acknowledged all the same.
 */
export function createRetentionSweep(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly retention: Retention;
  /** Something was deleted: its pages are to be overwritten soon. */
  readonly onErased: () => void;
}): RetentionSweep {
  const { store, clock, log, retention } = deps;
  const background = createBackground(log);
  const look = (): Look => ({ now: clock.now(), monotonic: clock.monotonic() });
  let last = look();
  let stopped = false;
  let forget = clock.after(PASS_INTERVAL_MS, tick);

  function tick(): void {
    background.run('a pass of the retention, which the next one tries again,', async () => {
      let delayMs = PASS_INTERVAL_MS;
      try {
        if (await run()) delayMs = BACKLOG_INTERVAL_MS;
      } finally {
        if (!stopped) forget = clock.after(delayMs, tick);
      }
    });
  }

  async function run(): Promise<boolean> {
    const current = look();
    const cutoffs = cutoffsOf(retention, last, current);
    last = current;
    if (cutoffs === null) {
      log.warn({}, 'the clock was set: what is past its retention is kept until the next pass');
      return false;
    }
    const removed = await removePast(store, cutoffs, current.now);
    if (removed.something) deps.onErased();
    return removed.more;
  }

  return {
    run,
    stop() {
      stopped = true;
      forget();
      return background.settled();
    },
  };
}

/** One transaction, which also says what it removed: nothing goes without a record, and no record without that. */
function removePast(store: Store, cutoffs: Cutoffs, at: number): Promise<{ something: boolean; more: boolean }> {
  return store.transaction(async (tx) => {
    const { resets, tasks, more } =
      cutoffs.resets === null
        ? { resets: 0, tasks: 0, more: false }
        : await tx.resets.deleteFinished(cutoffs.resets, { resets: RESETS_PER_PASS_MAX, tasks: TASKS_PER_PASS_MAX });
    const audit = cutoffs.audit === null ? 0 : await tx.audit.deleteUntil(cutoffs.audit, AUDIT_PER_PASS_MAX);
    const something = resets + audit > 0;
    if (something) await tx.audit.append(recordOf({ resets, tasks, audit }, cutoffs, at));
    return { something, more: more || audit === AUDIT_PER_PASS_MAX };
  });
}

function recordOf(
  removed: { readonly resets: number; readonly tasks: number; readonly audit: number },
  cutoffs: Cutoffs,
  at: number,
): AuditEntry {
  const detail = { ...removed, resetsUntil: cutoffs.resets, auditUntil: cutoffs.audit };
  const nobody = { actor: 'system', decision: null, rule: 'retention', code: null };
  return { at, action: 'retention.remove', resource: 'store', ...nobody, detail };
}
