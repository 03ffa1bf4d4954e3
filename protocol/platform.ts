/**
 * The little that this part asks of its runtime, typed here, so that it compiles without the types of Node or of a
 * browser and runs under both.
 */
interface CryptoKeyLike {
  readonly type: string;
}

interface SubtleLike {
  digest(algorithm: 'SHA-256', data: Uint8Array): Promise<ArrayBuffer>;
  importKey(
    format: 'raw' | 'pkcs8',
    data: Uint8Array,
    algorithm: { name: string },
    extractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKeyLike>;
  sign(algorithm: 'Ed25519', key: CryptoKeyLike, data: Uint8Array): Promise<ArrayBuffer>;
  verify(algorithm: 'Ed25519', key: CryptoKeyLike, signature: Uint8Array, data: Uint8Array): Promise<boolean>;
}

interface Platform {
  crypto: { subtle: SubtleLike; getRandomValues(into: Uint8Array): Uint8Array };
  TextEncoder: new () => { encode(text: string): Uint8Array };
  TextDecoder: new (
    label: 'utf-8',
    options: { fatal: boolean; ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string };
  btoa(binary: string): string;
  atob(text: string): string;
}

const platform = globalThis as unknown as Platform;

export const subtle = platform.crypto.subtle;
export const encoder = new platform.TextEncoder();
/** `ignoreBOM` keeps a leading U+FEFF: dropped, it would reach an account unseen by the password rules. */
export const strictDecoder = new platform.TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes from the runtime's cryptographic random source. */
export function randomBytes(count: number): Uint8Array {
  return platform.crypto.getRandomValues(new Uint8Array(count));
}

export function binaryToBase64(binary: string): string {
  return platform.btoa(binary);
}

export function base64ToBinary(text: string): string {
  return platform.atob(text);
}
