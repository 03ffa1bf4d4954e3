import { setImmediate } from 'node:timers/promises';

interface Entry {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
}

/**
 * Virtual time. Whatever happens is an entry here; between two of them all promises that can settle do, since nothing
 * in this world waits for the real one. Time stands still meanwhile.
 */
export class Scheduler {
  #now = 0;
  #order = 0;
  #steps = 0;
  readonly #heap: Entry[] = [];

  /** Milliseconds since the world began; whole. */
  now(): number {
    return this.#now;
  }

  /** How many entries have been worked off. */
  get steps(): number {
    return this.#steps;
  }

  /** Calls back after that long; entries of the same moment keep their order. The returned function forgets it. */
  after(delayMs: number, run: () => void): () => void {
    const entry: Entry = { at: this.#now + Math.max(0, Math.ceil(delayMs)), order: this.#order++, run };
    this.#push(entry);
    return () => {
      entry.run = null;
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Goes on until that moment, or until `done` says so after a step. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await setImmediate();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > untilMs) break;
      this.#pop();
      if (next.run === null) continue;
      this.#now = next.at;
      this.#steps += 1;
      next.run();
      // Once round the event loop: by then every promise that hangs on this entry has settled.
      await setImmediate();
      if (done()) return;
    }
    this.#now = Math.max(this.#now, untilMs);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
