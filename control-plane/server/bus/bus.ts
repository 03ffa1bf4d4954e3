import type { InstanceId, ResetId, TaskId } from '#protocol';

/**
 * Routing between the replicas of a control plane: ids only, at most once. Whatever gets lost here is found again by
 * the sweep and by every new session, because the store has the truth.
 */
export interface Bus {
  /** The instances have tasks to deliver. */
  wake(instances: readonly InstanceId[]): void;
  onWake(listener: (instances: readonly InstanceId[]) => void): () => void;
  /** Tasks of a reset changed. */
  changed(reset: ResetId, tasks: readonly TaskId[]): void;
  onChanged(reset: ResetId, listener: (tasks: readonly TaskId[]) => void): () => void;
}

/** The bus of a single replica. Listeners are called in order, before `wake` and `changed` return. */
export function createInProcessBus(): Bus {
  const wakeListeners = new Set<(instances: readonly InstanceId[]) => void>();
  const changeListeners = new Map<ResetId, Set<(tasks: readonly TaskId[]) => void>>();
  return {
    wake(instances) {
      for (const listener of wakeListeners) listener(instances);
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
