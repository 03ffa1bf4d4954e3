import type { KeyValueStore } from '../../../../control-plane/console/parts/reset/store.ts';

/** A browser's storage; it is full with so many entries. */
export class MemoryStore implements KeyValueStore {
  readonly #entries = new Map<string, string>();
  readonly #entriesMax: number;

  constructor(entriesMax = Infinity) {
    this.#entriesMax = entriesMax;
  }

  get length(): number {
    return this.#entries.size;
  }

  key(index: number): string | null {
    return [...this.#entries.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#entries.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.#entriesMax) throw new Error('it is full');
    this.#entries.set(key, value);
  }

  removeItem(key: string): void {
    this.#entries.delete(key);
  }

  /** Everything that is in it, as text. */
  get text(): string {
    return JSON.stringify([...this.#entries]);
  }
}
