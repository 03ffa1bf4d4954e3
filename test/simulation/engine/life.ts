import type { Scheduler } from './scheduler.ts';

/** A promise of a process that has ended: nobody will ever hear of it. */
export function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Between which effects a process may be killed, without anybody having asked for it. */
export const CRASH_POINTS = {
  agent: [
    ...(['before read', 'before write', 'after write', 'before send', 'after send'] as const),
    ...(['before the script', 'after the script'] as const),
  ],
  server: [
    ...(['before a transaction', 'after a transaction', 'before send', 'after send'] as const),
    'before a wake-up',
  ],
} as const;
export type CrashPoint = (typeof CRASH_POINTS)[keyof typeof CRASH_POINTS][number];

export interface Hazard {
  /** Whether the process ends right here, at this effect. */
  strikes(where: CrashPoint): boolean;
}

/**
 * One run of a process, from its start to its kill. A process that is killed cannot be unwound, so it goes on computing
 * where it stands; but all that it does reaches the world through ports, and those are dead: its timers do not fire,
 * what it sends is lost, what it waits for never comes.
 */
export class Life {
  readonly #scheduler: Scheduler;
  readonly #hazard: Hazard;
  readonly #onKilled: (where: CrashPoint) => void;
  readonly #atEnd = new Set<() => void>();
  #dead = false;

  constructor(deps: { scheduler: Scheduler; hazard: Hazard; onKilled: (where: CrashPoint) => void }) {
    this.#scheduler = deps.scheduler;
    this.#hazard = deps.hazard;
    this.#onKilled = deps.onKilled;
  }

  isDead(): boolean {
    return this.#dead;
  }

  /** An effect is about to happen, or just has: the process may be killed here. True when it is dead. */
  hazard(where: CrashPoint): boolean {
    if (!this.#dead && this.#hazard.strikes(where)) {
      this.end();
      this.#onKilled(where);
    }
    return this.#dead;
  }

  /** Without a further word; what was to happen at its end happens. */
  end(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const run of this.#atEnd) run();
    this.#atEnd.clear();
  }

  /** Calls back when the process ends; the returned function forgets it. */
  atEnd(run: () => void): () => void {
    this.#atEnd.add(run);
    return () => this.#atEnd.delete(run);
  }

  /** A timer of the process. */
  after(delayMs: number, run: () => void): () => void {
    if (this.#dead) return () => undefined;
    return this.#scheduler.after(delayMs, () => {
      if (!this.#dead) run();
    });
  }

  /** Resolves after that long, unless the process has ended by then. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }
}
