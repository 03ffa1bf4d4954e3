import { pkcs8Of, publicBytes, sha256, thumbprint, type Curve } from './reference.ts';

/** Keys and ids of a story that never changes: every vector and most tests are told with them. */
interface Key {
  readonly secret: Buffer;
  readonly raw: Buffer;
  readonly publicKey: string;
  readonly thumbprint: string;
  readonly pkcs8: Buffer;
}

function keyOf(curve: Curve, secret: Buffer): Key {
  const raw = publicBytes(curve, secret);
  const publicKey = raw.toString('base64url');
  return { secret, raw, publicKey, thumbprint: thumbprint(curve, raw), pkcs8: pkcs8Of(curve, secret) };
}

const ed25519 = (name: string) => keyOf('Ed25519', sha256(`latchkey vectors: ${name}`));
const x25519 = (name: string) => keyOf('X25519', sha256(`latchkey vectors: ${name}`));

export const KEYS = {
  /** RFC 8032, section 7.1, test 1. */
  identity: keyOf('Ed25519', Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')),
  otherIdentity: ed25519('other identity'),
  script: ed25519('script key'),
  nextScript: ed25519('next script key'),
  order: ed25519('order key'),
  nextOrder: ed25519('next order key'),
  release: ed25519('release key'),
  sealing: x25519('sealing key'),
  otherSealing: x25519('other sealing key'),
  ephemeral: x25519('ephemeral key'),
} as const;

export const IDS = {
  instance: '3f1c9a52-5f64-4c39-9d59-0f1a8f0d8f7e',
  otherInstance: '7b0de1c4-9a51-4c55-8a51-2f0b6f3d9a10',
  reset: 'c2a1a0de-93f5-4a7e-8f14-5b8a53b7c1d2',
  otherReset: 'd8f2f8c3-6a0b-4f1e-b0a7-91f4c0a6e2b1',
  task: '0a9d7c1e-2b47-4d8c-9e36-6f5a4b3c2d1e',
  session: '5e8f0b6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b',
  token: '9c8b7a69-5847-4362-9514-03f2e1d0c9b8',
} as const;

/** 2026-11-23T12:00:00Z. */
export const NOW = 1_795_435_200_000;

export const nonceOf = (name: string): string => sha256(`latchkey vectors: nonce ${name}`).toString('base64url');
