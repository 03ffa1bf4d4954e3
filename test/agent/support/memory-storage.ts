import type { Storage } from '../../../agent/ports.ts';

/**
 * What becomes of one write. `fail`: refused, nothing on disk. `fail-written`: refused although it is there, as after a
 * flush that failed. `crash-before`, `crash-torn`, `crash-after`: the process dies there, and nothing follows.
 */
export type WriteFate = 'pass' | 'fail' | 'fail-written' | 'crash-before' | 'crash-torn' | 'crash-after';

export interface Write {
  /** 1, 2, 3, … over the life of this storage. */
  readonly number: number;
  readonly kind: 'replace' | 'append' | 'remove';
  readonly name: string;
}

/** A state directory in memory. The files outlive the process: hand them to the next storage. */
export class MemoryStorage implements Storage {
  readonly files: Map<string, Uint8Array>;
  readonly writes: Write[] = [];
  /** Decides the fate of each write; a test replaces it. */
  fate: (write: Write) => WriteFate = () => 'pass';
  #crashed = false;
  #onCrash: (() => void) | null = null;
  readonly crash: Promise<void>;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.files = new Map(files);
    this.crash = new Promise((resolve) => {
      this.#onCrash = resolve;
    });
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  text(name: string): string {
    return Buffer.from(this.files.get(name) ?? new Uint8Array()).toString('utf8');
  }

  /** From now on nothing is answered any more. */
  die(): void {
    this.#crashed = true;
    this.#onCrash?.();
  }

  read(name: string): Promise<Uint8Array | null> {
    return this.#crashed ? never() : Promise.resolve(copyOf(this.files.get(name)));
  }

  list(): Promise<readonly string[]> {
    return this.#crashed ? never() : Promise.resolve([...this.files.keys()].toSorted());
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    const copy = Uint8Array.from(bytes);
    return this.#write(
      { kind: 'replace', name },
      {
        whole: () => this.files.set(name, copy),
        torn: () => undefined, // A rename has happened or not.
      },
    );
  }

  append(name: string, bytes: Uint8Array): Promise<void> {
    const before = this.files.get(name) ?? new Uint8Array();
    const copy = Uint8Array.from(bytes);
    const leave = (count: number) => this.files.set(name, Buffer.concat([before, copy.subarray(0, count)]));
    return this.#write(
      { kind: 'append', name },
      {
        whole: () => leave(copy.length),
        torn: () => leave(Math.floor(copy.length / 2)),
      },
    );
  }

  remove(name: string): Promise<void> {
    return this.#write({ kind: 'remove', name }, { whole: () => this.files.delete(name), torn: () => undefined });
  }

  async #write(what: Omit<Write, 'number'>, does: { whole: () => unknown; torn: () => unknown }): Promise<void> {
    if (this.#crashed) return never();
    const write = { ...what, number: this.writes.length + 1 };
    this.writes.push(write);
    const fate = this.fate(write);
    if (fate === 'pass' || fate === 'crash-after' || fate === 'fail-written') does.whole();
    if (fate === 'crash-torn') does.torn();
    if (fate.startsWith('crash')) {
      this.die();
      return never();
    }
    if (fate.startsWith('fail')) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  }
}

/** What a dead process waits for. */
const never = <T>(): Promise<T> => new Promise(() => undefined);

/** Not `slice`, which of a Buffer is the same memory: readers zero what they are given. */
const copyOf = (bytes: Uint8Array | undefined): Uint8Array | null =>
  bytes === undefined ? null : Uint8Array.from(bytes);
