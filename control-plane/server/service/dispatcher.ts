import type { InstanceId, ResetId } from '#protocol';
import { deliverInstance, type DeliveryDeps } from './delivery.ts';

/** How many instances are served at the same time; the others wait in line. */
const CONCURRENT_DELIVERIES_MAX = 64;

export interface Dispatcher {
  /** Delivers what is open for that instance, now or when its turn comes. */
  deliver(id: InstanceId): void;
  /**
   * Keeps that instance for the caller, who delivers to it himself: what is asked for meanwhile is done when he calls what
   * this returns, once. Null when the line has it already, or is full.
   */
  claim(id: InstanceId): (() => void) | null;
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
          goOn(id, state);
        })
        .catch((error: unknown) => {
          deps.log.error({ err: error }, 'the line of deliveries broke');
        });
    }
    if (busy.size > 0) return;
    for (const tell of idleListeners) tell();
    idleListeners = [];
  }

  function goOn(id: InstanceId, state: { readonly again: boolean }): void {
    if (state.again) deliver(id);
    advance();
  }

  return {
    deliver,
    claim(id) {
      if (busy.has(id) || waiting.has(id) || busy.size >= CONCURRENT_DELIVERIES_MAX) return null;
      const state = { again: false };
      busy.set(id, state);
      return () => {
        busy.delete(id);
        goOn(id, state);
      };
    },
    idle: () =>
      busy.size === 0 && line.length === 0 ? Promise.resolve() : new Promise((resolve) => idleListeners.push(resolve)),
  };
}
