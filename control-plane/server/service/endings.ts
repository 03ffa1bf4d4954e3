/** Who is to be told at once when a credential ends that a lasting request came by. */
export interface Endings<Id> {
  /** Returns a function that forgets the listener. */
  readonly on: (id: Id, listener: () => void) => () => void;
  readonly tell: (id: Id) => void;
}

export function createEndings<Id>(): Endings<Id> {
  const listeners = new Map<Id, Set<() => void>>();
  return {
    on(id, listener) {
      const of = listeners.get(id) ?? new Set();
      of.add(listener);
      listeners.set(id, of);
      return () => {
        of.delete(listener);
        if (of.size === 0) listeners.delete(id);
      };
    },
    tell(id) {
      for (const listener of listeners.get(id) ?? []) listener();
    },
  };
}
