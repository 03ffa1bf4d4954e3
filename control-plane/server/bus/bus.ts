import type { ResetId, TaskId } from '#protocol';

/**
 * Routing between the replicas of a control plane: ids only, at most once. Whatever gets lost here is found again by
 * the sweep and by every new session, because the store has the truth.
 */
export interface Bus {
  /** The resets have tasks that wait to be sent, or may have. */
  wake(resets: readonly ResetId[]): void;
  onWake(listener: (resets: readonly ResetId[]) => void): () => void;
  /** Tasks of a reset changed; with none named, the reset itself. */
  changed(reset: ResetId, tasks: readonly TaskId[]): void;
  onChanged(reset: ResetId, listener: (tasks: readonly TaskId[]) => void): () => void;
}

/** The bus of a single replica. Listeners are called in order, before `wake` and `changed` return. */
export function createInProcessBus(): Bus {
  const wakeListeners = new Set<(resets: readonly ResetId[]) => void>();
  const changeListeners = new Map<ResetId, Set<(tasks: readonly TaskId[]) => void>>();
  return {
    wake(resets) {
      for (const listener of wakeListeners) listener(resets);
    },
    onWake(listener) {
      wakeListeners.add(listener);
      return () => wakeListeners.delete(listener);
    },
    changed(reset, tasks) {
      for (const listener of changeListeners.get(reset) ?? []) listener(tasks);
    },
    onChanged(reset, listener) {
      const listeners = changeListeners.get(reset) ?? new Set();
      listeners.add(listener);
      changeListeners.set(reset, listeners);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) changeListeners.delete(reset);
      };
    },
  };
}
