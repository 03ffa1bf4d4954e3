import type { Clock } from '../../control-plane/server/service/ports.ts';

/** A clock that goes when the test says so. */
export class FakeClock implements Clock {
  #now: number;
  readonly #startedAt: number;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  constructor(now = 1_800_000_000_000) {
    this.#now = now;
    this.#startedAt = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#startedAt;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Lets that much time pass, and whatever is due in it happen, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = end;
  }
}
