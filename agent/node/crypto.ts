import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import {
  Digest,
  judgeKeySet,
  parseJsonBytes,
  fromBase64Url,
  KeySet,
  PublicKey,
  thumbprintOf,
  type KeySetVerdict,
  type Signer,
  type Verify,
} from '#protocol';
import type { AgentCrypto } from '../ports.ts';
import { namesUsableAuthorities } from './named-authorities.ts';
import { unsealPassword } from './unseal.ts';

/** In front of the 32 bytes of an Ed25519 public key, to make them a SubjectPublicKeyInfo (RFC 8410). */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const RAW_KEY_BYTES = 32;

/** An Ed25519 key as it lies on disk. */
export interface StoredIdentity {
  /** DER; to be zeroed by the caller once it is written. */
  readonly pkcs8: Buffer;
  readonly signer: Signer;
}

export async function createIdentity(): Promise<StoredIdentity> {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }), signer: await signerOf(privateKey) };
}

/** Throws on bytes that are no Ed25519 key. */
export async function readIdentity(pkcs8: Uint8Array): Promise<Signer> {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key');
  return signerOf(key);
}

async function signerOf(privateKey: KeyObject): Promise<Signer> {
  const publicKey = rawPublicKey(createPublicKey(privateKey));
  return {
    publicKey,
    key: await thumbprintOf(publicKey),
    sign: async (message) => sign(null, message, privateKey),
  };
}

/** The last 32 bytes of a SubjectPublicKeyInfo are the key, for both of our curves. */
function rawPublicKey(key: KeyObject): PublicKey {
  const der = key.export({ format: 'der', type: 'spki' });
  return PublicKey.parse(der.subarray(-RAW_KEY_BYTES).toString('base64url'));
}

/** Keys that signatures were checked with: a key set has few, and to read one takes as long as to check with it. */
const readKeys = new Map<PublicKey, KeyObject>();
const READ_KEYS_MAX = 16;

function keyObjectOf(publicKey: PublicKey): KeyObject {
  const known = readKeys.get(publicKey);
  if (known !== undefined) return known;
  const der = Buffer.concat([ED25519_SPKI_PREFIX, fromBase64Url(publicKey)]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (readKeys.size >= READ_KEYS_MAX) readKeys.clear();
  readKeys.set(publicKey, key);
  return key;
}

/** Synchronous under its promise: one signature costs less than a trip to another thread. */
export const verifySignature: Verify = async (publicKey, message, signature) => {
  try {
    return verify(null, message, keyObjectOf(publicKey), signature);
  } catch {
    return false;
  }
};

export function createAgentCrypto(identity: Signer): AgentCrypto {
  return {
    identity,
    verify: verifySignature,
    sha256: (bytes) => Digest.parse(createHash('sha256').update(bytes).digest('base64url')),
    async createSealingKey() {
      const pair = generateKeyPairSync('x25519');
      const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
      const publicKey = rawPublicKey(pair.publicKey);
      const privateKey = Buffer.from(der.subarray(-RAW_KEY_BYTES));
      der.fill(0);
      return { publicKey, privateKey, keyId: await thumbprintOf(publicKey, 'X25519') };
    },
    // A promise, as the port wants it, though nothing waits.
    unseal: async (privateKey, context, sealed) => unsealPassword(privateKey, context, sealed),
    judgeKeySet: async (held, candidate) => usable(await judgeKeySet(verifySignature, held, candidate)),
    async reopenKeySet(stored) {
      const peeked = parseJsonBytes(KeySet, fromBase64Url(stored.bytes));
      if (!peeked.ok) return { accept: false, code: 'key-set-malformed' };
      // As its predecessor, which took it, would see it: the signer was active there, and may have revoked itself here.
      const keys = peeked.body.keys
        .filter((entry) => entry.key === stored.key && entry.role === 'script')
        .map((entry) => ({ ...entry, status: 'active' as const }));
      return judgeKeySet(verifySignature, { ...peeked.body, version: 0, keys }, stored);
    },
  };
}

/** What can be judged only where certificates can be read. */
export function usable(verdict: KeySetVerdict): KeySetVerdict {
  const good = !verdict.accept || namesUsableAuthorities(verdict.keySet);
  return good ? verdict : { accept: false, code: 'key-set-malformed' };
}
