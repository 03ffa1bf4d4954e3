/**
 * Opens sealed passwords with node:crypto: HPKE's base mode (RFC 9180) with the one suite of protocol/sealing.ts. That
 * module opens them too, by WebCrypto, whose every step is a trip to another thread, and whose first use has to be loaded:
 * 2.9 ms of processor time a password against 0.4.
 */
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from 'node:crypto';
import { fromBase64Url, sealBinding, unpadPassword, type SealContext, type SealedPassword } from '#protocol';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** In front of the 32 bytes of an X25519 key (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** Section 7: DHKEM(X25519, HKDF-SHA256) is 0x0020, HKDF-SHA256 0x0001, AES-256-GCM 0x0002. */
const KEM_SUITE = Buffer.from('KEM\x00\x20', 'latin1');
const HPKE_SUITE = Buffer.from('HPKE\x00\x20\x00\x01\x00\x02', 'latin1');
const VERSION = Buffer.from('HPKE-v1');
const NOTHING = Buffer.alloc(0);
const BASE_MODE = Buffer.of(0);
/** Without a pre-shared key and with an empty `info`, a part of the schedule is the same for everybody (section 5.1). */
const SCHEDULE_CONTEXT = Buffer.concat([
  BASE_MODE,
  extract(HPKE_SUITE, NOTHING, 'psk_id_hash', NOTHING),
  extract(HPKE_SUITE, NOTHING, 'info_hash', NOTHING),
]);

/**
 * The password's bytes, to be zeroed by the caller; null when the seal does not fit the context or the key. Throws on
 * bytes that are no X25519 private key.
 */
export function unsealPassword(
  privateKey: Uint8Array,
  context: SealContext,
  { keyId, enc, ciphertext }: SealedPassword,
): Uint8Array | null {
  const recipient = importPrivateKey(privateKey);
  const aad = createHash('sha256').update(sealBinding(keyId, context)).digest();
  let padded: Buffer;
  try {
    padded = open(recipient, Buffer.from(fromBase64Url(enc)), Buffer.from(fromBase64Url(ciphertext)), aad);
  } catch {
    return null; // Every failure of authenticated decryption is the same refusal, so that none is an oracle.
  }
  try {
    return unpadPassword(padded);
  } finally {
    padded.fill(0);
  }
}

function importPrivateKey(raw: Uint8Array): KeyObject {
  if (raw.length !== KEY_BYTES) throw new RangeError('an X25519 private key has 32 bytes');
  const der = Buffer.concat([PKCS8_PREFIX, raw]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** Sections 4.1 and 5.1: decapsulates, derives key and nonce, opens the first message. Throws where one step fails. */
function open(recipient: KeyObject, enc: Buffer, sealed: Buffer, aad: Buffer): Buffer {
  const sender = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, enc]), format: 'der', type: 'spki' });
  const publicKey = createPublicKey(recipient).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
  const secrets: Buffer[] = [];
  const keep = (secret: Buffer): Buffer => {
    secrets.push(secret);
    return secret;
  };
  try {
    // Refuses a point of small order by itself.
    const agreed = keep(diffieHellman({ privateKey: recipient, publicKey: sender }));
    const prk = keep(extract(KEM_SUITE, NOTHING, 'eae_prk', agreed));
    const shared = keep(expand(KEM_SUITE, prk, 'shared_secret', Buffer.concat([enc, publicKey]), KEY_BYTES));
    const secret = keep(extract(HPKE_SUITE, shared, 'secret', NOTHING));
    const key = keep(expand(HPKE_SUITE, secret, 'key', SCHEDULE_CONTEXT, KEY_BYTES));
    const nonce = expand(HPKE_SUITE, secret, 'base_nonce', SCHEDULE_CONTEXT, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(aad).setAuthTag(sealed.subarray(-TAG_BYTES));
    const plaintext = keep(decipher.update(sealed.subarray(0, -TAG_BYTES)));
    decipher.final(); // Throws unless the tag is right; the cipher has no block to add.
    return Buffer.from(plaintext);
  } finally {
    for (const secret of secrets) secret.fill(0);
  }
}

/** LabeledExtract of section 4. */
function extract(suite: Buffer, salt: Buffer, label: string, material: Buffer): Buffer {
  return createHmac('sha256', salt).update(VERSION).update(suite).update(label).update(material).digest();
}

/** LabeledExpand of section 4, for at most one block of the hash. */
function expand(suite: Buffer, prk: Buffer, label: string, info: Buffer, bytes: number): Buffer {
  const length = Buffer.of(0, bytes);
  const hmac = createHmac('sha256', prk).update(length).update(VERSION).update(suite).update(label).update(info);
  return hmac.update(Buffer.of(1)).digest().subarray(0, bytes);
}
