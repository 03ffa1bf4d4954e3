import type { InstanceId, ResetId } from '#protocol';
import { deliverInstance, type DeliveryDeps } from './delivery.ts';

/** How many instances are served at the same time; the others wait in line. */
const CONCURRENT_DELIVERIES_MAX = 64;

export interface Dispatcher {
  /** Delivers what is open for that instance, now or when its turn comes. */
  deliver(id: InstanceId): void;
  /** Resolves when nothing is being delivered any more. */
  idle(): Promise<void>;
}

export interface DispatcherDeps extends DeliveryDeps {
  /** An instance has been tried; `held` are the resets whose turn for it has not come. */
  readonly onTried: (id: InstanceId, held: readonly ResetId[]) => void;
}

/** Hands tasks to instances. Called for one instance again and again without harm: a task leaves once a session. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const line: InstanceId[] = [];
  const waiting = new Set<InstanceId>();
  const busy = new Map<InstanceId, { again: boolean }>();
  let idleListeners: (() => void)[] = [];

  function deliver(id: InstanceId): void {
    const current = busy.get(id);
    if (current !== undefined) {
      current.again = true;
      return;
    }
    if (waiting.has(id)) return;
    waiting.add(id);
    line.push(id);
    advance();
  }

  function advance(): void {
    while (busy.size < CONCURRENT_DELIVERIES_MAX) {
      const id = line.shift();
      if (id === undefined) break;
      waiting.delete(id);
      const state = { again: false };
      busy.set(id, state);
      deliverInstance(deps, id)
        .catch((error: unknown): readonly ResetId[] => {
          // What was not delivered stays open in the store: the sweep comes back to it.
          deps.log.error({ err: error, instance: id }, 'a delivery failed');
          return [];
        })
        .then((held) => {
          busy.delete(id);
          deps.onTried(id, held);
          if (state.again) deliver(id);
          advance();
        })
        .catch((error: unknown) => {
          deps.log.error({ err: error }, 'the line of deliveries broke');
        });
    }
    if (busy.size > 0) return;
    for (const tell of idleListeners) tell();
    idleListeners = [];
  }

  return {
    deliver,
    idle: () =>
      busy.size === 0 && line.length === 0 ? Promise.resolve() : new Promise((resolve) => idleListeners.push(resolve)),
  };
}
