import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { AccountRef } from './accounts.ts';
import { concatBytes, fromBase64Url, fromUtf8, sha256, toBase64Url, utf8, type Digest } from './encoding.ts';
import type { InstanceId, PublicKey, ResetId, Thumbprint } from './ids.ts';
import { SEALED_PLAINTEXT_BYTES } from './limits.ts';
import { SealedPassword, SealingKeyStatement } from './order.ts';
import { openSigned, thumbprintOf, type Signed, type Verify } from './signing.ts';
import type { ResetMode, ResetOptions } from './tasks.ts';

/** Everything that a sealed password is bound to; the agent computes it again from the order. */
export interface SealContext {
  readonly instanceId: InstanceId;
  readonly identity: Thumbprint;
  readonly account: AccountRef;
  readonly resetId: ResetId;
  readonly mode: ResetMode;
  readonly options: ResetOptions;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

export type SealingKeyVerdict =
  | { ok: true; statement: SealingKeyStatement }
  | { ok: false; code: 'sealing-key-unsigned' | 'sealing-key-other-instance' | 'sealing-key-expired' };

/** Whether this instance's identity vouches for that sealing key. Clients refuse to seal to anything else. */
export async function judgeSealingKey(
  verify: Verify,
  expected: { readonly instanceId: InstanceId; readonly identityKey: PublicKey; readonly now: number },
  certificate: Signed,
): Promise<SealingKeyVerdict> {
  const identity = await thumbprintOf(expected.identityKey);
  const opened = await openSigned(verify, expected.identityKey, 'sealing-key', SealingKeyStatement, certificate);
  if (!opened.ok || certificate.key !== identity) return { ok: false, code: 'sealing-key-unsigned' };
  const statement = opened.body;
  if (statement.instanceId !== expected.instanceId || statement.identity !== identity) {
    return { ok: false, code: 'sealing-key-other-instance' };
  }
  if ((await thumbprintOf(statement.publicKey, 'X25519')) !== statement.keyId || isLowOrder(statement.publicKey)) {
    return { ok: false, code: 'sealing-key-unsigned' };
  }
  if (statement.notAfter <= expected.now) return { ok: false, code: 'sealing-key-expired' };
  return { ok: true, statement };
}

/** X25519 points of small order: the shared secret would be zero for everyone (RFC 7748, section 6.1). */
const LOW_ORDER: ReadonlySet<string> = new Set([
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', // 0
  'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', // 1
  '4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA', // of order 8
  'X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc', // of order 8
  '7P_______________________________________38', // p - 1
  '7f_______________________________________38', // p, which is 0
  '7v_______________________________________38', // p + 1, which is 1
]);

/** Sealing to such a key fails, and one hostile instance must not fail a batch: it is refused before. */
function isLowOrder(publicKey: PublicKey): boolean {
  const bytes = fromBase64Url(publicKey);
  // X25519 ignores the highest bit.
  bytes[31] = (bytes[31] ?? 0) & 0x7f;
  return LOW_ORDER.has(toBase64Url(bytes));
}

/** Encrypts a password to one instance. `password` is its UTF-8 bytes, at most 63; the caller zeroes them. */
export async function sealPassword(
  statement: SealingKeyStatement,
  context: SealContext,
  password: Uint8Array,
): Promise<SealedPassword> {
  const suite = createSuite();
  const recipientPublicKey = await suite.kem.deserializePublicKey(fromBase64Url(statement.publicKey));
  const padded = pad(password);
  try {
    const aad = await associatedData(statement.keyId, context);
    const { ct, enc } = await suite.seal({ recipientPublicKey }, padded, aad);
    return SealedPassword.parse({
      keyId: statement.keyId,
      enc: toBase64Url(new Uint8Array(enc)),
      ciphertext: toBase64Url(new Uint8Array(ct)),
    });
  } finally {
    padded.fill(0);
  }
}

/** The password's bytes, to be zeroed by the caller; null when the seal does not fit the context or the key. */
export async function unsealPassword(
  privateKey: Uint8Array,
  context: SealContext,
  sealed: SealedPassword,
): Promise<Uint8Array | null> {
  const suite = createSuite();
  const recipientKey = await suite.kem.deserializePrivateKey(privateKey);
  const aad = await associatedData(sealed.keyId, context);
  let padded: Uint8Array;
  try {
    const enc = fromBase64Url(sealed.enc);
    padded = new Uint8Array(await suite.open({ recipientKey, enc }, fromBase64Url(sealed.ciphertext), aad));
  } catch {
    return null; // Every failure of authenticated decryption is the same refusal, so that none is an oracle.
  }
  try {
    return unpadPassword(padded);
  } finally {
    padded.fill(0);
  }
}

/** The bytes by whose SHA-256 a result names the password that it speaks of. */
export function sealedBytes(sealed: SealedPassword): Uint8Array {
  return concatBytes(fromBase64Url(sealed.enc), fromBase64Url(sealed.ciphertext));
}

/** `sealedDigest` of a result. Who has a synchronous hash takes it of `sealedBytes`. */
export async function sealedDigest(sealed: SealedPassword): Promise<Digest> {
  return sha256(sealedBytes(sealed));
}

function createSuite(): CipherSuite {
  return new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
}

async function associatedData(keyId: Thumbprint, context: SealContext): Promise<Uint8Array> {
  return fromBase64Url(await sha256(sealBinding(keyId, context)));
}

/** The bytes whose SHA-256 is the associated data. Who has a synchronous hash takes it of these. */
export function sealBinding(keyId: Thumbprint, context: SealContext): Uint8Array {
  // A JSON array of strings, numbers and booleans in fixed order: one text for one context.
  const { instanceId, identity, account, resetId, mode, options, notAfter } = context;
  const flags = [options.unlock, options.unexpire, options.mustChange];
  const bound = ['latchkey/sealed-password/v1', instanceId, identity, keyId, account, resetId, mode, flags, notAfter];
  return utf8(JSON.stringify(bound));
}

function pad(password: Uint8Array): Uint8Array {
  if (password.length >= SEALED_PLAINTEXT_BYTES) throw new RangeError('a password has at most 63 bytes');
  const padded = new Uint8Array(SEALED_PLAINTEXT_BYTES);
  padded[0] = password.length;
  padded.set(password, 1);
  return padded;
}

/** The password in a plaintext that was opened; a copy, so both are the caller's to zero. null: no padded password. */
export function unpadPassword(padded: Uint8Array): Uint8Array | null {
  const length = padded[0];
  if (padded.length !== SEALED_PLAINTEXT_BYTES || length === undefined || length >= SEALED_PLAINTEXT_BYTES) return null;
  if (padded.subarray(1 + length).some((byte) => byte !== 0)) return null;
  // A Buffer's own slice would be a view of what the caller zeroes.
  return new Uint8Array(padded.subarray(1, 1 + length));
}

/** Strict UTF-8 text of a password, for the rules; null when it is not text. */
export function passwordText(password: Uint8Array): string | null {
  try {
    return fromUtf8(password);
  } catch {
    return null;
  }
}
