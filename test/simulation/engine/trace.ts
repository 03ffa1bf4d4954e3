import { createHash } from 'node:crypto';

/** How many of the newest lines are shown when a seed fails. */
const SHOWN_LINES = 120;

/** What happened, line by line: the end of it for people, the hash of all of it to compare two runs. */
export class Trace {
  readonly counts = new Map<string, number>();
  readonly #hash = createHash('sha256');
  readonly #lines: string[] = [];
  readonly #now: () => number;
  readonly #keepAll: boolean;

  constructor(now: () => number, keepAll = false) {
    this.#now = now;
    this.#keepAll = keepAll;
  }

  /** For the totals: how often something happened. */
  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  add(who: string, what: string): void {
    const line = `${(this.#now() / 1000).toFixed(3).padStart(9)} ${who.padEnd(12)} ${what}`;
    this.#hash.update(line);
    this.#lines.push(line);
    if (!this.#keepAll && this.#lines.length > 2 * SHOWN_LINES) this.#lines.splice(0, SHOWN_LINES);
  }

  tail(): string {
    return (this.#keepAll ? this.#lines : this.#lines.slice(-SHOWN_LINES)).join('\n');
  }

  /** Of everything until now; ends the trace. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** Ids in a trace are told apart by their first characters. */
export function short(id: string): string {
  return id.slice(0, 6);
}
