import { findKey, type KeySet, type ScriptStatement, type Signer, type Thumbprint } from '#protocol';
import { buildCatalogue, readCatalogue, SCRIPTS_DIR } from './catalogue.ts';
import { KeyringError } from './errors.ts';
import { renameKeyFile, toJsonText, writeKeyFile } from './key-files.ts';
import { readKeySet, withNewOrderKey, withScriptVersions } from './key-set-file.ts';
import { FILES } from './layout.ts';
import { newSigningKeyPem, signerOfFile, signerOfPem } from './signing-key.ts';

/** What needs the script key, and therefore is done by a person who brings it, not by the running server. */

export interface OfflineOptions {
  readonly dir: string;
  readonly scriptKeyFile: string;
}

/**
 * Signs the scripts of this release, and withdraws every version before: agents learn of it when they next connect.
 * Resolves to what the catalogue then holds. Throws `KeyringError`.
 */
export async function signCatalogue(
  options: OfflineOptions & { readonly now: number; readonly scriptsDir?: string },
): Promise<readonly ScriptStatement[]> {
  const { dir, scriptsDir = SCRIPTS_DIR } = options;
  const { keySet } = await readKeySet(dir);
  const signer = await openScriptKey(options.scriptKeyFile, keySet);
  const before = await previousStatements(dir, keySet);
  writeKeyFile(dir, FILES.catalogue, toJsonText(await buildCatalogue(signer, scriptsDir, before)));
  const statements = (await readCatalogue(dir, keySet)).map(({ statement }) => statement);
  // After the catalogue: a set that withdraws what the catalogue still holds would stop every reset.
  const next = await withScriptVersions(keySet, signer, statements, options.now);
  if (next !== null) writeKeyFile(dir, FILES.keySet, toJsonText(next.signed));
  return statements;
}

/** What was signed before, for the versions; none if that cannot be read, since signing again is the way out of it. */
async function previousStatements(dir: string, keySet: KeySet): Promise<ScriptStatement[]> {
  try {
    return (await readCatalogue(dir, keySet)).map(({ statement }) => statement);
  } catch (error) {
    if (error instanceof KeyringError) return [];
    throw error;
  }
}

/**
 * Makes a new order key and revokes every one before, for good. Agents learn of it when they next connect; the server
 * uses it from its next start. Throws `KeyringError`.
 */
export async function rotateOrderKey(
  options: OfflineOptions & { readonly now: number },
): Promise<{ readonly version: number; readonly orderKey: Thumbprint }> {
  const { dir, now } = options;
  const { keySet } = await readKeySet(dir);
  const scriptSigner = await openScriptKey(options.scriptKeyFile, keySet);
  const pem = newSigningKeyPem();
  const orderSigner = await signerOfPem(pem, FILES.nextOrderKey);
  const next = await withNewOrderKey(keySet, scriptSigner, orderSigner, now);
  // In this order a crash leaves the old pair, or the new set beside the new key, which the next start puts in place.
  writeKeyFile(dir, FILES.nextOrderKey, pem);
  writeKeyFile(dir, FILES.keySet, toJsonText(next.signed));
  renameKeyFile(dir, FILES.nextOrderKey, FILES.orderKey);
  return { version: next.keySet.version, orderKey: orderSigner.key };
}

/** Throws `script-key-not-accepted`, and what opening a key throws. */
export async function openScriptKey(path: string, keySet: KeySet): Promise<Signer> {
  const signer = await signerOfFile(path);
  const found = findKey(keySet, 'script', signer.key);
  if (!found.ok) {
    throw new KeyringError(
      'script-key-not-accepted',
      `"${path}" is not an active script key of this control plane (${found.why}). Use the one made at its first start.`,
    );
  }
  return signer;
}
