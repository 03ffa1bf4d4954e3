import type { ResetId } from '#protocol';
import type { Bus } from '../bus/bus.ts';
import type { Store } from '../store/store.ts';
import { createBackground } from './background.ts';
import type { Clock, Log } from './ports.ts';
import { changeTask } from './task-flow.ts';

const SWEEP_INTERVAL_MS = 5_000;
const OVERDUE_BATCH_ROWS = 500;
const OPEN_PAGE_ROWS = 1_000;

export interface Sweep {
  /** Notes that sealed bytes were erased; the next round overwrites them on disk. */
  erased(): void;
  /** One round, now. */
  run(): Promise<void>;
  /** No more rounds. Resolves when the one that is under way is through. */
  stop(): Promise<void>;
}

/**
 * What finds everything again that got lost between two effects: wake-ups that never came, limits that passed while
 * nobody looked, plans that nobody used.
 */
export function createSweep(deps: {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}): Sweep {
  const { store, bus, clock } = deps;
  const background = createBackground(deps.log);
  let scrubDue = false;
  let stopped = false;
  let forget = clock.after(SWEEP_INTERVAL_MS, tick);

  function tick(): void {
    background.run('a sweep, which the next one tries again,', async () => {
      try {
        await run();
      } finally {
        if (!stopped) forget = clock.after(SWEEP_INTERVAL_MS, tick);
      }
    });
  }

  async function run(): Promise<void> {
    await expireOverdue();
    await wakeOpen();
    const plans = await store.transaction((tx) => tx.resets.deleteExpiredPlans(clock.now()));
    if (!scrubDue && plans === 0) return;
    scrubDue = false;
    try {
      await store.scrub();
    } catch (error) {
      // Somebody reads the database, as a backup does: what was erased is still to be overwritten.
      scrubDue = true;
      throw error;
    }
  }

  async function wakeOpen(): Promise<void> {
    let page: readonly ResetId[] = [];
    do {
      page = await store.read.resets.open(OPEN_PAGE_ROWS, page.at(-1) ?? null);
      bus.wake(page);
    } while (page.length === OPEN_PAGE_ROWS);
  }

  /** In bounded steps, so that a large batch whose limit has passed holds nobody else up. */
  async function expireOverdue(): Promise<void> {
    let found = 0;
    do {
      const at = clock.now();
      const changed = await store.transaction(async (tx) => {
        const overdue = await tx.tasks.overdue(at, OVERDUE_BATCH_ROWS);
        for (const task of overdue) await changeTask(tx, task, { type: 'expire' }, { actor: 'system', at });
        return overdue;
      });
      found = changed.length;
      for (const task of changed) bus.changed(task.resetId, [task.id]);
      if (found > 0) scrubDue = true;
    } while (found === OVERDUE_BATCH_ROWS && !stopped);
  }

  return {
    erased() {
      scrubDue = true;
    },
    run,
    stop() {
      stopped = true;
      forget();
      return background.settled();
    },
  };
}
