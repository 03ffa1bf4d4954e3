import type { Prng } from '../engine/prng.ts';
import type { Scheduler } from '../engine/scheduler.ts';

/** What the network does to what is sent through it. */
export interface Weather {
  readonly latencyMs: { readonly min: number; readonly max: number };
  /**
   * How often a message is doubled, overtaken by others, or dropped from their middle. TCP does none of it, nor can
   * anybody do it to TLS: this is a proxy that has gone mad behind a broken wall, and the promises must hold all the
   * same.
   */
  readonly byzantine: number;
}

/** What a network did to a message, for the totals. */
export const MESSAGE_FAULTS = ['message doubled', 'message overtaken', 'message dropped', 'message lost'] as const;
export type MessageFault = (typeof MESSAGE_FAULTS)[number];

/** How long a mad proxy keeps a message that it doubles or holds back. */
const HELD_MS_MAX = 8_000;
/** How long it lives on when it has dropped one. A connection with a hole in it that nothing ends is out of reach. */
const BREAKS_MS_MAX = 20_000;

export interface LaneDeps {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly weather: () => Weather;
  readonly count: (what: MessageFault) => void;
}

export interface LaneEnds {
  readonly deliver: (text: string) => void;
  /** The connection is cut. */
  readonly cut: () => void;
}

/** One direction of a connection: in order, each message after its latency. */
export class Lane {
  readonly #deps: LaneDeps;
  readonly #ends: LaneEnds;
  #lastAt = 0;
  #stalledUntil = 0;

  constructor(deps: LaneDeps, ends: LaneEnds) {
    this.#deps = deps;
    this.#ends = ends;
  }

  /** Nothing arrives before that moment; infinity: what is sent is lost, and nobody is told. */
  stall(untilMs: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, untilMs);
  }

  message(text: string): void {
    const { random, scheduler, weather, count } = this.#deps;
    const { byzantine } = weather();
    const run = () => {
      this.#ends.deliver(text);
    };
    if (byzantine === 0 || !random.chance(byzantine)) {
      this.#inOrder(run, () => {
        count('message lost');
      });
      return;
    }
    const what = random.pick(['message doubled', 'message overtaken', 'message dropped'] as const);
    count(what);
    if (what === 'message dropped') {
      scheduler.after(random.int(1, BREAKS_MS_MAX), this.#ends.cut);
      return;
    }
    this.#arriveAt(scheduler.now() + random.int(1, HELD_MS_MAX), run);
    if (what === 'message doubled') this.#inOrder(run);
  }

  /** An event of the connection itself: opened, closed. In order with the messages. */
  control(run: () => void): void {
    this.#inOrder(run);
  }

  #inOrder(run: () => void, onLost?: () => void): void {
    const { min, max } = this.#deps.weather().latencyMs;
    const at = Math.max(this.#lastAt, this.#deps.scheduler.now() + this.#deps.random.int(min, max));
    this.#lastAt = at;
    this.#arriveAt(at, run, onLost);
  }

  #arriveAt(at: number, run: () => void, onLost?: () => void): void {
    const { scheduler } = this.#deps;
    scheduler.after(at - scheduler.now(), () => {
      if (this.#stalledUntil <= scheduler.now()) run();
      else if (Number.isFinite(this.#stalledUntil)) {
        this.#lastAt = Math.max(this.#lastAt, this.#stalledUntil);
        this.#arriveAt(this.#stalledUntil, run, onLost);
      } else onLost?.();
    });
  }
}
