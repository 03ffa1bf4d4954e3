import { join } from 'node:path';
import {
  findKey,
  judgeFirstKeySet,
  KeySet,
  scriptVersionMin,
  Signed,
  signJson,
  verifyEd25519,
  type KeySetEntry,
  type ScriptStatement,
  type Signer,
} from '#protocol';
import { KeyringError } from './errors.ts';
import { readJsonFile } from './key-files.ts';
import { FILES } from './layout.ts';

export interface HeldKeySet {
  readonly keySet: KeySet;
  readonly signed: Signed;
}

/** The first key set of a control plane: one script key, which signs it, and one order key. */
export async function firstKeySet(scriptSigner: Signer, orderSigner: Signer, now: number): Promise<HeldKeySet> {
  return signKeySet(scriptSigner, {
    v: 1,
    version: 1,
    serverId: scriptSigner.key,
    keys: [entryOf('script', scriptSigner), entryOf('order', orderSigner)],
    issuedAt: now,
  });
}

/** The next key set: every order key so far is revoked, this one is active. */
export async function withNewOrderKey(
  held: KeySet,
  scriptSigner: Signer,
  orderSigner: Signer,
  now: number,
): Promise<HeldKeySet> {
  const keys = held.keys.map((entry) => (entry.role === 'order' ? { ...entry, status: 'revoked' as const } : entry));
  return signKeySet(scriptSigner, {
    ...held,
    version: held.version + 1,
    keys: [...keys, entryOf('order', orderSigner)],
    issuedAt: now,
  });
}

/** The next key set, which withdraws what is older than these scripts; null when the one that is held does already. */
export async function withScriptVersions(
  held: KeySet,
  scriptSigner: Signer,
  scripts: readonly ScriptStatement[],
  now: number,
): Promise<HeldKeySet | null> {
  if (scripts.every(({ name, version }) => scriptVersionMin(held, name) >= version)) return null;
  const scriptVersionsMin = { ...held.scriptVersionsMin };
  for (const { name, version } of scripts) scriptVersionsMin[name] = Math.max(version, scriptVersionMin(held, name));
  return signKeySet(scriptSigner, { ...held, version: held.version + 1, scriptVersionsMin, issuedAt: now });
}

/** The next key set, in which agents believe these TLS authorities and no others. */
export async function withAuthorities(
  held: KeySet,
  scriptSigner: Signer,
  authorities: string[],
  now: number,
): Promise<HeldKeySet> {
  return signKeySet(scriptSigner, { ...held, version: held.version + 1, authorities, issuedAt: now });
}

async function signKeySet(scriptSigner: Signer, body: KeySet): Promise<HeldKeySet> {
  const keySet = KeySet.parse(body);
  return { keySet, signed: await signJson(scriptSigner, 'key-set', keySet) };
}

function entryOf(role: KeySetEntry['role'], signer: Signer): KeySetEntry {
  return { role, publicKey: signer.publicKey, key: signer.key, status: 'active' };
}

/** Reads and verifies `key-set.json`. Throws `key-set-invalid` and what `readJsonFile` throws. */
export async function readKeySet(dir: string): Promise<HeldKeySet> {
  const path = join(dir, FILES.keySet);
  const signed = readJsonFile(path, Signed);
  // The file vouches for itself only; agents compare it with the script key that their join token named.
  const verdict = await judgeFirstKeySet(verifyEd25519, { scriptKey: signed.key }, signed);
  if (!verdict.accept || !findKey(verdict.keySet, 'script', signed.key).ok) {
    throw new KeyringError(
      'key-set-invalid',
      `"${path}" is not signed by an active script key that it lists. Restore it from your backup of the keys.`,
    );
  }
  return { keySet: verdict.keySet, signed };
}
