import type { Digest, SignedScript } from '#protocol';

/** Time. Injected, so that a simulation can run a month in a second. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Never goes back; milliseconds from some origin. */
  monotonic(): number;
  /** Calls back once after that long; the returned function forgets it. */
  after(delayMs: number, run: () => void): () => void;
}

/** Chance. */
export interface Random {
  uuid(): string;
  /** Cryptographic. */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). For jitter, not for secrets. */
  fraction(): number;
}

/** SHA-256, synchronous where the runtime has it. */
export type Hash = (bytes: Uint8Array) => Digest;

/** A script of the catalogue, as orders name it and as it travels. */
export interface CatalogueScript {
  readonly digest: Digest;
  readonly script: SignedScript;
}

/** Structured log. Fields are redacted by the logger; secrets are not handed to it all the same. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}
