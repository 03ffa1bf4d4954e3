import { createPins, type Pins } from './pins.ts';
import { createSentResets, type SentResets } from './sent.ts';
import type { KeyValueStore } from './store.ts';

/** What a browser remembers of resets: nothing secret. */
export interface ResetMemory {
  readonly pins: Pins;
  readonly sent: SentResets;
}

/** Identities for as long as the browser keeps them; what was sent, for as long as the tab is open. */
export function browserMemory(): ResetMemory {
  return {
    pins: createPins(
      storageOf(() => localStorage),
      location.origin,
    ),
    sent: createSentResets(storageOf(() => sessionStorage)),
  };
}

/** A browser that keeps nothing throws at the mere mention of its storage. */
function storageOf(storage: () => Storage): KeyValueStore {
  try {
    return storage();
  } catch {
    return NOTHING; // It remembers nothing, and what depends on it says so.
  }
}

const NOTHING: KeyValueStore = {
  length: 0,
  key: () => null,
  getItem: () => null,
  setItem: () => {
    throw new Error('this browser keeps nothing');
  },
  removeItem: () => undefined,
};
