import { createHash } from 'node:crypto';
import {
  concatBytes,
  fromBase64Url,
  judgeFirstKeySet,
  judgeKeySet,
  toBase64Url,
  utf8,
  type Digest,
  type PublicKey,
  type SealContext,
  type SealedPassword,
  type Signer,
  type Thumbprint,
  type Verify,
} from '#protocol';
import type { AgentCrypto, NewSealingKey } from '../../../agent/ports.ts';
import type { Prng } from '../engine/prng.ts';

/**
 * Cryptography without its cost. Signatures and seals bind the same things as the real ones (key, domain, every byte,
 * the whole context), so that a mix-up is noticed; but whoever knows a public key could forge them. Nobody here tries:
 * forgery is what the tests of keys and orders are about.
 */

const PADDED_BYTES = 64;
const TAG_BYTES = 16;

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export const digestOf = (bytes: Uint8Array): Digest => createHash('sha256').update(bytes).digest('base64url') as Digest;

function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function thumbprint(publicKey: PublicKey, curve: 'Ed25519' | 'X25519'): Thumbprint {
  return digestOf(utf8(`{"crv":"${curve}","kty":"OKP","x":"${publicKey}"}`)) as string as Thumbprint;
}

export function newSigner(random: Prng): Signer {
  const publicKey = toBase64Url(random.bytes(32)) as PublicKey;
  const bytes = fromBase64Url(publicKey);
  return { key: thumbprint(publicKey, 'Ed25519'), publicKey, sign: async (message) => sha512(bytes, message) };
}

export const verify: Verify = async (publicKey, message, signature) =>
  Buffer.compare(sha512(fromBase64Url(publicKey), message), signature) === 0;

function newSealingKey(random: Prng): NewSealingKey {
  const privateKey = random.bytes(32);
  const publicKey = publicHalf(privateKey);
  return { privateKey, publicKey, keyId: thumbprint(publicKey, 'X25519') };
}

function publicHalf(privateKey: Uint8Array): PublicKey {
  return toBase64Url(sha256(utf8('public'), privateKey)) as PublicKey;
}

function contextBytes(keyId: Thumbprint, context: SealContext): Uint8Array {
  const { instanceId, identity, account, resetId, mode, options, notAfter } = context;
  const flags = [options.unlock, options.unexpire, options.mustChange];
  return utf8(JSON.stringify([keyId, instanceId, identity, account, resetId, mode, flags, notAfter]));
}

const mix = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, index) => byte ^ b[index]!);

/** What a client does: the password to one sealing key, bound to its context. */
export function seal(
  random: Prng,
  to: { readonly keyId: Thumbprint; readonly publicKey: PublicKey },
  context: SealContext,
  password: string,
): SealedPassword {
  const text = utf8(password);
  const padded = new Uint8Array(PADDED_BYTES);
  padded[0] = text.length;
  padded.set(text, 1);
  const enc = random.bytes(32);
  const bound = contextBytes(to.keyId, context);
  const key = fromBase64Url(to.publicKey);
  const body = mix(padded, sha512(key, enc));
  const tag = sha256(key, enc, bound, body).slice(0, TAG_BYTES);
  return { keyId: to.keyId, enc: toBase64Url(enc), ciphertext: toBase64Url(concatBytes(body, tag)) };
}

/** The password's bytes; null when the seal does not fit the key or the context. */
export function unseal(privateKey: Uint8Array, context: SealContext, sealed: SealedPassword): Uint8Array | null {
  const key = fromBase64Url(publicHalf(privateKey));
  const enc = fromBase64Url(sealed.enc);
  const whole = fromBase64Url(sealed.ciphertext);
  const body = whole.subarray(0, PADDED_BYTES);
  const tag = sha256(key, enc, contextBytes(sealed.keyId, context), body).slice(0, TAG_BYTES);
  if (Buffer.compare(tag, whole.subarray(PADDED_BYTES)) !== 0) return null;
  const padded = mix(body, sha512(key, enc));
  return padded.slice(1, 1 + padded[0]!);
}

/** The agent's port; `onUnsealed` hears who opened what. */
export function createAgentCrypto(deps: {
  readonly identity: Signer;
  readonly random: Prng;
  readonly onUnsealed: (context: SealContext) => void;
}): AgentCrypto {
  return {
    identity: deps.identity,
    verify,
    sha256: digestOf,
    createSealingKey: async () => newSealingKey(deps.random),
    unseal: async (privateKey, context, sealed) => {
      const password = unseal(privateKey, context, sealed);
      if (password !== null) deps.onUnsealed(context);
      return password;
    },
    judgeKeySet: (held, candidate) => judgeKeySet(verify, held, candidate),
    reopenKeySet: (stored) => judgeFirstKeySet(verify, { scriptKey: stored.key }, stored),
  };
}
