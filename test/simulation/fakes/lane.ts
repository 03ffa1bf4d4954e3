import type { Prng } from '../engine/prng.ts';
import type { Scheduler } from '../engine/scheduler.ts';

/** What the network does to what is sent through it. */
export interface Weather {
  readonly latencyMs: { readonly min: number; readonly max: number };
  /**
   * How often a message is doubled, or overtaken by others. TCP does neither, nor can anybody do it to TLS: this is a
   * proxy that has gone mad behind a broken wall, and the promises must hold all the same.
   */
  readonly byzantine: number;
}

/** How long a mad proxy keeps a message that it doubles or holds back. */
const HELD_MS_MAX = 8_000;

/** One direction of a connection: in order, each message after its latency. */
export class Lane {
  readonly #scheduler: Scheduler;
  readonly #random: Prng;
  readonly #weather: () => Weather;
  readonly #deliver: (text: string) => void;
  #lastAt = 0;
  #stalledUntil = 0;

  constructor(
    deps: { readonly scheduler: Scheduler; readonly random: Prng; readonly weather: () => Weather },
    deliver: (text: string) => void,
  ) {
    this.#scheduler = deps.scheduler;
    this.#random = deps.random;
    this.#weather = deps.weather;
    this.#deliver = deliver;
  }

  /** Nothing arrives before that moment; infinity: what is sent is lost, and nobody is told. */
  stall(untilMs: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, untilMs);
  }

  message(text: string): void {
    const { byzantine } = this.#weather();
    const run = () => this.#deliver(text);
    if (byzantine > 0 && this.#random.chance(byzantine)) {
      this.#hold(run);
      // Held back: it arrives after others that were sent later.
      if (this.#random.chance(0.5)) return;
    }
    this.control(run);
  }

  /** An event of the connection itself: opened, closed. In order with the messages. */
  control(run: () => void): void {
    const { min, max } = this.#weather().latencyMs;
    const at = Math.max(this.#lastAt, this.#scheduler.now() + this.#random.int(min, max));
    this.#lastAt = at;
    this.#arriveAt(at, run);
  }

  #hold(run: () => void): void {
    this.#arriveAt(this.#scheduler.now() + this.#random.int(1, HELD_MS_MAX), run);
  }

  #arriveAt(at: number, run: () => void): void {
    this.#scheduler.after(at - this.#scheduler.now(), () => {
      if (this.#stalledUntil <= this.#scheduler.now()) run();
      else if (Number.isFinite(this.#stalledUntil)) {
        this.#lastAt = Math.max(this.#lastAt, this.#stalledUntil);
        this.#arriveAt(this.#stalledUntil, run);
      }
    });
  }
}
