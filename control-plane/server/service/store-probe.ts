import type { Store } from '../store/store.ts';
import type { Clock, Log } from './ports.ts';

/** A store that takes longer than this serves nobody: whoever balances load goes elsewhere meanwhile. */
const ANSWER_MS_MAX = 2_000;

/**
 * Asks the store for a transaction, as every reset does; false when it fails or takes too long. Anybody may ask as often
 * as they like: all who ask at the same time share one question.
 */
export function createStoreProbe(deps: {
  readonly store: Pick<Store, 'transaction'>;
  readonly clock: Clock;
  readonly log: Log;
}): () => Promise<boolean> {
  let underWay: Promise<boolean> | null = null;

  const ask = async (): Promise<boolean> => {
    try {
      await deps.store.transaction((tx) => tx.projects.list());
      return true;
    } catch (error) {
      deps.log.warn({ err: error }, 'the store does not answer');
      return false;
    } finally {
      underWay = null;
    }
  };

  return () => {
    underWay ??= ask();
    return withinTime(deps.clock, underWay);
  };
}

function withinTime(clock: Clock, answer: Promise<boolean>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const forget = clock.after(ANSWER_MS_MAX, () => resolve(false));
    answer.finally(forget).then(resolve, reject);
  });
}
