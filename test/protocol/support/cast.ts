import {
  createSigner,
  signJson,
  type AccountRef,
  type InstanceId,
  type KeySet,
  type KeySetEntry,
  type PublicKey,
  type ResetId,
  type SealContext,
  type SealingKeyStatement,
  type Signed,
  type SignedType,
  type Signer,
  type Thumbprint,
} from '#protocol';
import { IDS, KEYS, NOW } from '../vectors/cast.ts';

export { IDS, KEYS, NOW } from '../vectors/cast.ts';

export type KeyName = keyof typeof KEYS;

export const publicKey = (name: KeyName) => KEYS[name].publicKey as PublicKey;
export const thumbprint = (name: KeyName) => KEYS[name].thumbprint as Thumbprint;

export function signer(name: KeyName): Promise<Signer> {
  return createSigner(KEYS[name].pkcs8, publicKey(name));
}

export async function signedBy(name: KeyName, type: SignedType, body: unknown): Promise<Signed> {
  return signJson(await signer(name), type, body);
}

export const CONTEXT: SealContext = {
  instanceId: IDS.instance as InstanceId,
  identity: thumbprint('identity'),
  account: 'alice' as AccountRef,
  resetId: IDS.reset as ResetId,
  mode: 'online',
  options: { unlock: false, unexpire: false, mustChange: false },
  notAfter: NOW + 600_000,
};

export const STATEMENT: SealingKeyStatement = {
  v: 1,
  instanceId: IDS.instance as InstanceId,
  identity: thumbprint('identity'),
  keyId: thumbprint('sealing'),
  publicKey: publicKey('sealing'),
  epoch: 1,
  notAfter: NOW + 600_000,
};

export function entry(role: KeySetEntry['role'], name: KeyName, status: KeySetEntry['status'] = 'active'): KeySetEntry {
  return { role, publicKey: publicKey(name), key: thumbprint(name), status };
}

/** What an agent holds: one key of each role, and a revoked order key. */
export const HELD: KeySet = {
  v: 1,
  version: 5,
  serverId: thumbprint('script'),
  keys: [
    entry('script', 'script'),
    entry('order', 'order'),
    entry('release', 'release'),
    entry('order', 'nextOrder', 'revoked'),
  ],
  issuedAt: NOW,
};
