import { signJson, toBase64Url, utf8, type KeySet, type Signed, type Signer } from '#protocol';
import type { CoreDeps } from '../../../control-plane/server/core.ts';
import type { Prng } from '../engine/prng.ts';
import { digestOf, newSigner } from '../fakes/crypto.ts';
import { WORLD_BEGINS_MS } from './wall-clock.ts';

/** Keys that stand beside the data, and outlive every restore. */
export interface Keys {
  readonly scriptSigner: Signer;
  readonly orderSigner: Signer;
  readonly keySet: KeySet;
  readonly signedKeySet: Signed;
  readonly script: NonNullable<ReturnType<CoreDeps['script']>>;
}

export async function makeKeys(random: Prng): Promise<Keys> {
  const [scriptSigner, orderSigner] = [newSigner(random), newSigner(random)];
  const bytes = utf8('#!/bin/sh\n');
  const digest = digestOf(bytes);
  const statement = { v: 1, name: 'reset-linux', os: 'linux', version: 1, digest };
  const script = {
    digest,
    script: { statement: await signJson(scriptSigner, 'script', statement), bytes: toBase64Url(bytes) },
  };
  const entry = (signer: Signer, role: 'order' | 'script') =>
    ({ role, publicKey: signer.publicKey, key: signer.key, status: 'active' }) as const;
  const keySet: KeySet = {
    ...{ v: 1, version: 1, serverId: scriptSigner.key, issuedAt: WORLD_BEGINS_MS },
    keys: [entry(orderSigner, 'order'), entry(scriptSigner, 'script')],
  };
  return { scriptSigner, orderSigner, keySet, signedKeySet: await signJson(scriptSigner, 'key-set', keySet), script };
}

/** The order key is replaced by another; the old one is revoked for good. */
export async function rotated(keys: Keys, random: Prng): Promise<Keys> {
  const orderSigner = newSigner(random);
  const { publicKey, key } = orderSigner;
  const old = keys.keySet.keys.map((entry) =>
    entry.role === 'order' ? { ...entry, status: 'revoked' as const } : entry,
  );
  const fresh = { role: 'order', publicKey, key, status: 'active' } as const;
  const keySet = { ...keys.keySet, version: keys.keySet.version + 1, keys: [...old, fresh] };
  return { ...keys, orderSigner, keySet, signedKeySet: await signJson(keys.scriptSigner, 'key-set', keySet) };
}
