import { createHash } from 'node:crypto';

/** Chance that a seed decides: the same seed gives the same world. */
export interface Prng {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** Each element by itself with that probability, but at least one. */
  some<T>(list: readonly T[], probability: number): T[];
  bytes(count: number): Uint8Array;
  /** In the form of a random (version 4) UUID. */
  uuid(): string;
  /** A stream of its own: what one part of the world draws does not shift what another gets. */
  fork(label: string): Prng;
}

/** xoshiro128**: small, fast, and good enough for everything but secrets, of which there are none here. */
export function createPrng(seed: string): Prng {
  const state = new Uint32Array(new Uint8Array(createHash('sha256').update(seed).digest()).buffer, 0, 4);
  const next = (): number => {
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    state[2] = c ^ a;
    state[3] = d ^ b;
    state[1] = b ^ state[2];
    state[0] = a ^ state[3];
    state[2] ^= b << 9;
    state[3] = rotate(state[3], 11);
    return result;
  };
  const fraction = (): number => next() / 2 ** 32;
  const int = (min: number, max: number): number => min + Math.floor(fraction() * (max - min + 1));
  const bytes = (count: number): Uint8Array => {
    const words = new Uint32Array(Math.ceil(count / 4));
    for (let i = 0; i < words.length; i += 1) words[i] = next();
    return new Uint8Array(words.buffer).slice(0, count);
  };
  const pick = <T>(list: readonly T[]): T => list[int(0, list.length - 1)]!;
  return {
    fraction,
    int,
    chance: (probability) => fraction() < probability,
    pick,
    some: (list, probability) => {
      const chosen = list.filter(() => fraction() < probability);
      return chosen.length > 0 ? chosen : [pick(list)];
    },
    bytes,
    uuid: () => {
      const raw = bytes(16);
      raw[6] = (raw[6]! & 0x0f) | 0x40;
      raw[8] = (raw[8]! & 0x3f) | 0x80;
      const hex = Buffer.from(raw).toString('hex');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    },
    fork: (label) => createPrng(`${seed}/${label}`),
  };
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
