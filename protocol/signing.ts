import * as z from 'zod';
import { base64UrlBytes, concatBytes, fromBase64Url, fromUtf8, sha256, toBase64Url, utf8 } from './encoding.ts';
import { PublicKey, Thumbprint } from './ids.ts';
import { SIGNED_BYTES_MAX } from './limits.ts';
import { subtle } from './platform.ts';

/** What can be signed. Each has its own domain, so that no signature serves for anything else. */
export const SIGNED_TYPES = [
  'session-server',
  'session-agent',
  'enrolment',
  'sealing-key',
  'order',
  'script',
  'key-set',
  'result',
  'release',
] as const;
export type SignedType = (typeof SIGNED_TYPES)[number];

/**
 * Bytes with the Ed25519 signature over `latchkey/<type>/v1\0` and exactly those bytes. They are verified first and
 * parsed second; whoever passes one on passes the same bytes on.
 */
export const Signed = z.strictObject({
  /** The signed bytes: UTF-8 JSON, at most 190 KiB. */
  bytes: base64UrlBytes(2, SIGNED_BYTES_MAX),
  /** The thumbprint of the Ed25519 key that signed. */
  key: Thumbprint,
  /** Ed25519, 64 bytes. */
  signature: base64UrlBytes(64, 64),
});
export type Signed = z.infer<typeof Signed>;

/** Holds one private key; signs for any domain, which the caller names. */
export interface Signer {
  readonly key: Thumbprint;
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Checks one Ed25519 signature. Resolves to false for every kind of wrong; never throws for bad input. */
export type Verify = (publicKey: PublicKey, message: Uint8Array, signature: Uint8Array) => Promise<boolean>;

/** The exact bytes that a signature of this type covers. */
export function signingInput(type: SignedType, bytes: Uint8Array): Uint8Array {
  return concatBytes(utf8(`latchkey/${type}/v1\0`), bytes);
}

export async function signBytes(signer: Signer, type: SignedType, bytes: Uint8Array): Promise<Signed> {
  const signature = await signer.sign(signingInput(type, bytes));
  return Signed.parse({ bytes: toBase64Url(bytes), key: signer.key, signature: toBase64Url(signature) });
}

export async function signJson(signer: Signer, type: SignedType, body: unknown): Promise<Signed> {
  return signBytes(signer, type, utf8(JSON.stringify(body)));
}

export type Opened<T> = { ok: true; body: T } | { ok: false; why: 'bad-signature' | 'malformed' };

/** Verifies, then parses. The public key must be the one that `signed.key` names: look it up by that thumbprint. */
export async function openSigned<S extends z.ZodType>(
  verify: Verify,
  publicKey: PublicKey,
  type: SignedType,
  schema: S,
  signed: Signed,
): Promise<Opened<z.infer<S>>> {
  const bytes = fromBase64Url(signed.bytes);
  const good = await verify(publicKey, signingInput(type, bytes), fromBase64Url(signed.signature));
  if (!good) return { ok: false, why: 'bad-signature' };
  return parseJsonBytes(schema, bytes);
}

/** Strict UTF-8, JSON, then the schema; every failure is `malformed`. */
export function parseJsonBytes<S extends z.ZodType>(schema: S, bytes: Uint8Array): Opened<z.infer<S>> {
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(bytes));
  } catch {
    return { ok: false, why: 'malformed' };
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? { ok: true, body: parsed.data } : { ok: false, why: 'malformed' };
}

/** RFC 7638 thumbprint of an Ed25519 or X25519 public key (members in lexicographic order, no white space). */
export async function thumbprintOf(publicKey: PublicKey, curve: 'Ed25519' | 'X25519' = 'Ed25519'): Promise<Thumbprint> {
  return (await sha256(utf8(`{"crv":"${curve}","kty":"OKP","x":"${publicKey}"}`))) as string as Thumbprint;
}

/** How a fingerprint is shown to people, like ssh does. */
export function fingerprintOf(thumbprint: Thumbprint): string {
  return `SHA256:${thumbprint}`;
}

/** `Verify` by the runtime's WebCrypto: for clients, agents and the control plane alike. */
export const verifyEd25519: Verify = async (publicKey, message, signature) => {
  if (signature.length !== 64) return false;
  try {
    const key = await subtle.importKey('raw', fromBase64Url(publicKey), { name: 'Ed25519' }, false, ['verify']);
    return await subtle.verify('Ed25519', key, signature, message);
  } catch {
    return false; // A point that is not on the curve: as wrong as any other key.
  }
};

/** A signer over a PKCS#8 Ed25519 private key. */
export async function createSigner(pkcs8: Uint8Array, publicKey: PublicKey): Promise<Signer> {
  const key = await subtle.importKey('pkcs8', pkcs8, { name: 'Ed25519' }, false, ['sign']);
  return {
    key: await thumbprintOf(publicKey),
    publicKey,
    sign: async (message) => new Uint8Array(await subtle.sign('Ed25519', key, message)),
  };
}
