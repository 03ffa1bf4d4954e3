// The globals that browsers and Node share and the protocol may use. A name missing here is missing on one of them,
// or is not needed yet: add it only after looking it up on both.

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(encoding: 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}

/** Opaque: keys are handed from the sealing library back to it. */
interface CryptoKey {
  readonly type: 'private' | 'public' | 'secret';
  readonly extractable: boolean;
}

interface CryptoKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

declare const crypto: {
  getRandomValues<T extends Uint8Array>(bytes: T): T;
  randomUUID(): string;
  readonly subtle: {
    digest(algorithm: 'SHA-256' | 'SHA-512', bytes: Uint8Array): Promise<ArrayBuffer>;
    importKey(
      format: 'raw',
      bytes: Uint8Array,
      algorithm: 'Ed25519',
      extractable: boolean,
      usages: readonly 'verify'[],
    ): Promise<CryptoKey>;
    verify(algorithm: 'Ed25519', key: CryptoKey, signature: Uint8Array, bytes: Uint8Array): Promise<boolean>;
  };
};
