import type { Storage } from '../../../agent/ports.ts';
import type { Life } from '../engine/life.ts';
import { never } from '../engine/life.ts';
import type { Prng } from '../engine/prng.ts';

/** How the disk is today. */
export interface DiskHealth {
  readonly latencyMs: { readonly min: number; readonly max: number };
  /** Every write is refused. */
  readonly full: boolean;
}

/** Hears of what is written before it is acknowledged, and of what is on disk for good. */
export interface DiskWatch {
  writing(name: string, bytes: Uint8Array): void;
  written(name: string, bytes: Uint8Array): void;
  /** The process ended while it was being written. */
  torn(name: string): void;
}

/** A write that has begun: whole, or as much of it as a crash leaves. */
interface Write {
  readonly whole: () => void;
  readonly torn: () => void;
}

/**
 * The state directory of one machine. Files outlive the process; a write whose promise has resolved is there for good,
 * and one that was interrupted has happened, has not, or (appending) has in part: in any part, with NUL in the place of
 * the others.
 */
export class Disk {
  readonly files: Map<string, Uint8Array>;
  health: DiskHealth = { latencyMs: { min: 0, max: 0 }, full: false };
  readonly #random: Prng;

  constructor(random: Prng, files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#random = random;
    this.files = new Map([...files].map(([name, bytes]) => [name, Uint8Array.from(bytes)]));
  }

  /** The port of one process. */
  openFor(life: Life, watch: DiskWatch): Storage {
    const { files } = this;
    const lookUp = async <T>(value: () => T): Promise<T> => {
      if (life.hazard('before read')) return never();
      await life.sleep(this.#latencyMs());
      return value();
    };
    const change = async (write: Write, name: string, bytes: Uint8Array): Promise<void> => {
      if (life.hazard('before write')) return never();
      watch.writing(name, bytes);
      await this.#perform(life, write, () => {
        watch.torn(name);
      });
      watch.written(name, bytes);
      return life.hazard('after write') ? never() : undefined;
    };
    const append = (name: string, bytes: Uint8Array) => {
      files.set(name, Buffer.concat([files.get(name) ?? new Uint8Array(), bytes]));
    };
    return {
      read: (name) => lookUp(() => copyOf(files.get(name))),
      list: () => lookUp(() => [...files.keys()].toSorted()),
      replace: (name, bytes) => {
        const copy = Uint8Array.from(bytes);
        const whole = () => files.set(name, copy);
        // Renamed into place: all or nothing.
        const torn = () => (this.#random.chance(0.5) ? whole() : undefined);
        return change({ whole, torn }, name, copy);
      },
      append: (name, bytes) => {
        const copy = Uint8Array.from(bytes);
        const torn = () => append(name, this.#torn(copy));
        return change({ whole: () => append(name, copy), torn }, `${name}+`, copy);
      },
      remove: (name) => {
        const whole = () => files.delete(name);
        return change({ whole, torn: () => (this.#random.chance(0.5) ? whole() : undefined) }, name, new Uint8Array());
      },
    };
  }

  /** A copy of the whole disk, as it is now. */
  copy(random: Prng): Disk {
    return new Disk(random, this.files);
  }

  #latencyMs(): number {
    const { min, max } = this.health.latencyMs;
    return this.#random.int(min, max);
  }

  /** What is there of an append: often nothing or all of it, since those are the ends where mistakes hide. */
  #torn(bytes: Uint8Array): Uint8Array {
    const [from, to] = [this.#random.int(0, bytes.length), this.#random.int(0, bytes.length)];
    const beginning = bytes.subarray(0, from);
    const holed = Uint8Array.from(bytes).fill(0, Math.min(from, to), Math.max(from, to));
    return this.#random.pick([new Uint8Array(), bytes, beginning, holed]);
  }

  async #perform(life: Life, write: Write, onTorn: () => void): Promise<void> {
    const forget = life.atEnd(() => {
      write.torn();
      onTorn();
    });
    await life.sleep(this.#latencyMs());
    forget();
    if (!this.health.full) {
      write.whole();
      return;
    }
    write.torn();
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  }
}

/** Not `slice`, which of a Buffer is the same memory: readers zero what they are given. */
function copyOf(bytes: Uint8Array | undefined): Uint8Array | null {
  return bytes === undefined ? null : Uint8Array.from(bytes);
}
