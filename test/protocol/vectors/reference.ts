/**
 * The cryptography of the protocol a second time, from the RFCs and with node:crypto alone: vectors are made with this
 * and never with the code that they test.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';

const PKCS8_PREFIX = { Ed25519: '302e020100300506032b657004220420', X25519: '302e020100300506032b656e04220420' };
const TAG_BYTES = 16;
const PADDED_BYTES = 64;

export type Curve = keyof typeof PKCS8_PREFIX;

export const pkcs8Of = (curve: Curve, secret: Buffer): Buffer =>
  Buffer.concat([Buffer.from(PKCS8_PREFIX[curve], 'hex'), secret]);

const privateKeyOf = (curve: Curve, secret: Buffer): KeyObject =>
  createPrivateKey({ key: pkcs8Of(curve, secret), format: 'der', type: 'pkcs8' });

const publicKeyOf = (curve: Curve, raw: Buffer): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: curve, x: raw.toString('base64url') }, format: 'jwk' });

/** The raw public half of a raw private key. */
export function publicBytes(curve: Curve, secret: Buffer): Buffer {
  return Buffer.from(createPublicKey(privateKeyOf(curve, secret)).export({ format: 'jwk' }).x ?? '', 'base64url');
}

export const sha256 = (...parts: readonly (Buffer | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** RFC 7638 with the members that RFC 8037 requires. */
export const thumbprint = (curve: Curve, raw: Buffer): string =>
  sha256(JSON.stringify({ crv: curve, kty: 'OKP', x: raw.toString('base64url') })).toString('base64url');

export const domainInput = (type: string, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`latchkey/${type}/v1`), Buffer.from([0]), bytes]);

/** RFC 8032, Ed25519. */
export const signEd25519 = (secret: Buffer, message: Buffer): Buffer =>
  sign(null, message, privateKeyOf('Ed25519', secret));

export const checkEd25519 = (raw: Buffer, message: Buffer, signature: Buffer): boolean =>
  verify(null, message, publicKeyOf('Ed25519', raw), signature);

// RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message.
const KEM_SUITE = Buffer.concat([Buffer.from('KEM'), Buffer.from([0x00, 0x20])]);
const HPKE_SUITE = Buffer.concat([Buffer.from('HPKE'), Buffer.from([0x00, 0x20, 0x00, 0x01, 0x00, 0x02])]);
const NOTHING = Buffer.alloc(0);

const hmac = (key: Buffer, ...parts: readonly Buffer[]) => {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};

const extract = (suite: Buffer, salt: Buffer, label: string, ikm: Buffer) =>
  hmac(salt, Buffer.from('HPKE-v1'), suite, Buffer.from(label), ikm);

/** One block is enough: nothing here is longer than 32 bytes. */
const expand = (suite: Buffer, prk: Buffer, label: string, info: Buffer, length: number) =>
  hmac(
    prk,
    Buffer.from([0, length]),
    Buffer.from('HPKE-v1'),
    suite,
    Buffer.from(label),
    info,
    Buffer.from([1]),
  ).subarray(0, length);

interface Schedule {
  readonly sharedSecret: Buffer;
  readonly key: Buffer;
  readonly nonce: Buffer;
}

export function keySchedule(dh: Buffer, enc: Buffer, recipient: Buffer, info: Buffer): Schedule {
  const prk = extract(KEM_SUITE, NOTHING, 'eae_prk', dh);
  const sharedSecret = expand(KEM_SUITE, prk, 'shared_secret', Buffer.concat([enc, recipient]), 32);
  const context = Buffer.concat([
    Buffer.from([0]),
    extract(HPKE_SUITE, NOTHING, 'psk_id_hash', NOTHING),
    extract(HPKE_SUITE, NOTHING, 'info_hash', info),
  ]);
  const secret = extract(HPKE_SUITE, sharedSecret, 'secret', NOTHING);
  return {
    sharedSecret,
    key: expand(HPKE_SUITE, secret, 'key', context, 32),
    nonce: expand(HPKE_SUITE, secret, 'base_nonce', context, 12),
  };
}

export const agree = (secret: Buffer, raw: Buffer): Buffer =>
  diffieHellman({ privateKey: privateKeyOf('X25519', secret), publicKey: publicKeyOf('X25519', raw) });

export function hpkeSeal(
  ephemeral: Buffer,
  recipient: Buffer,
  message: { readonly info: Buffer; readonly aad: Buffer; readonly plaintext: Buffer },
): { enc: Buffer; ciphertext: Buffer } {
  const enc = publicBytes('X25519', ephemeral);
  const { key, nonce } = keySchedule(agree(ephemeral, recipient), enc, recipient, message.info);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(message.aad);
  return { enc, ciphertext: Buffer.concat([cipher.update(message.plaintext), cipher.final(), cipher.getAuthTag()]) };
}

/** Throws where the seal does not fit. */
export function hpkeOpen(
  recipient: Buffer,
  enc: Buffer,
  sealed: { readonly info: Buffer; readonly aad: Buffer; readonly ciphertext: Buffer },
): Buffer {
  const { key, nonce } = keySchedule(agree(recipient, enc), enc, publicBytes('X25519', recipient), sealed.info);
  const end = sealed.ciphertext.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce)
    .setAAD(sealed.aad)
    .setAuthTag(sealed.ciphertext.subarray(end));
  return Buffer.concat([decipher.update(sealed.ciphertext.subarray(0, end)), decipher.final()]);
}

/** One byte of length, the password, zeroes up to 64 bytes. */
export function padded(password: Buffer): Buffer {
  const whole = Buffer.alloc(PADDED_BYTES);
  whole[0] = password.length;
  password.copy(whole, 1);
  return whole;
}
