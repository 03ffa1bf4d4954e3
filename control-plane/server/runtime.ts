import { createHash, createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto';
import { fromBase64Url, type Digest, type Verify } from '#protocol';
import type { Clock, Hash, Random } from './service/ports.ts';

/** Real time. Timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};

export const sha256Sync: Hash = (bytes) => createHash('sha256').update(bytes).digest('base64url') as Digest;

/** In front of the 32 bytes of an Ed25519 public key, to make them a SubjectPublicKeyInfo (RFC 8410). */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SIGNATURE_BYTES = 64;

/**
 * Synchronous under its promise. When a fleet comes back, each session takes two of these: a signature costs less than
 * WebCrypto's trip to another thread and back.
 */
export const verifyHere: Verify = async (publicKey, message, signature) => {
  if (signature.length !== SIGNATURE_BYTES) return false;
  try {
    const der = Buffer.concat([ED25519_SPKI_PREFIX, fromBase64Url(publicKey)]);
    return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
  } catch {
    return false; // No key at all: as wrong as any other.
  }
};
