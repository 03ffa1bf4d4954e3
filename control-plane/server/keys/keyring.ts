import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findKey, type KeySet, type Signed, type Signer, type Thumbprint } from '#protocol';
import { buildCatalogue, matchScripts, readCatalogue, SCRIPTS_DIR, type Scripts } from './catalogue.ts';
import { KeyringError } from './errors.ts';
import { makeKeysDirectory, renameKeyFile, toJsonText, writeKeyFile } from './key-files.ts';
import { firstKeySet, readKeySet } from './key-set-file.ts';
import { FILES } from './layout.ts';
import { newSigningKeyPem, signerOfFile, signerOfPem } from './signing-key.ts';
import { hasAuthority, makeAuthority, settleAuthority } from './authority.ts';
import { isRotating } from './authority-rotation.ts';
import { ownTls, providedTls, type ServerTls, type TlsMaterial } from './tls.ts';

export interface KeyringOptions {
  /** The keys directory (`--keys`). */
  readonly dir: string;
  /** What agents dial; the certificate names its host. */
  readonly publicUrl: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
  /** A provided certificate, instead of one by the own authority. */
  readonly provided?: { readonly certFile: string; readonly keyFile: string } | null;
  readonly scriptsDir?: string;
}

/** Everything that the control plane proves itself with. */
export interface Keyring extends ServerTls {
  readonly orderSigner: Signer;
  readonly keySet: KeySet;
  readonly signedKeySet: Signed;
  /** The script key that signed the key set: what join tokens name. */
  readonly scriptKey: Thumbprint;
  readonly scripts: Scripts;
  /** Whether the script key still lies in the directory, which its safety forbids. Looks, does not open. */
  readonly scriptKeyPresent: () => boolean;
  /** Whether agents believe an earlier TLS authority besides the one in use. */
  readonly rotatingAuthority: boolean;
  /** What is to be presented at that time: the leaf made again if it ends soon, a provided one read again. */
  readonly renewTls: (now: number) => TlsMaterial;
}

/**
 * Opens the keys directory, and makes all of it at the first start. After that the script key is never opened: it may
 * have been moved away. Throws `KeyringError`.
 */
export async function loadKeyring(options: KeyringOptions): Promise<Keyring> {
  const { dir, publicUrl, now, scriptsDir = SCRIPTS_DIR } = options;
  makeKeysDirectory(dir);
  const { provided = null } = options;
  if (isFirstStart(dir)) await makeKeys(dir, { scriptsDir, now, ownAuthority: provided === null });
  const { keySet, signed } = await readKeySet(dir);
  const orderSigner = await loadOrderKey(dir, keySet);
  const scripts = await matchScripts(await readCatalogue(dir, keySet), scriptsDir);
  if (provided === null) settleAuthority(dir, keySet);
  const tlsAt = (at: number, believed?: readonly string[]) =>
    provided === null
      ? ownTls(dir, publicUrl, at, believed)
      : providedTls(provided.certFile, provided.keyFile, publicUrl, at);
  return {
    ...tlsAt(now, keySet.authorities),
    orderSigner,
    keySet,
    signedKeySet: signed,
    scriptKey: signed.key,
    scripts,
    scriptKeyPresent: () => existsSync(join(dir, FILES.scriptKey)),
    rotatingAuthority: provided === null && isRotating(keySet),
    // Without what the key set names: the authority may have been rotated since, and is vouched for.
    renewTls: (at) => tlsAt(at).tls,
  };
}

/** Nothing there, or what an interrupted first start left. A key that is lost is no first start: its loss must show. */
function isFirstStart(dir: string): boolean {
  const has = (name: string) => existsSync(join(dir, name));
  return has(FILES.firstStart) || ![FILES.keySet, FILES.orderKey, FILES.scriptKey, FILES.catalogue].some(has);
}

async function makeKeys(
  dir: string,
  options: { readonly scriptsDir: string; readonly now: number; readonly ownAuthority: boolean },
): Promise<void> {
  const { scriptsDir, now, ownAuthority } = options;
  // The mark comes first and goes last: until then nothing here was handed to anyone, and all may be made again.
  writeKeyFile(dir, FILES.firstStart, '');
  // Half of one is what an interruption left; a whole one may be the operator's own.
  if (ownAuthority && !hasAuthority(dir, 'whole')) makeAuthority(dir, now);
  const [scriptPem, orderPem] = [newSigningKeyPem(), newSigningKeyPem()];
  const scriptSigner = await signerOfPem(scriptPem, FILES.scriptKey);
  const orderSigner = await signerOfPem(orderPem, FILES.orderKey);
  const catalogue = await buildCatalogue(scriptSigner, scriptsDir);
  const { signed } = await firstKeySet(scriptSigner, orderSigner, now);
  writeKeyFile(dir, FILES.scriptKey, scriptPem);
  writeKeyFile(dir, FILES.orderKey, orderPem);
  writeKeyFile(dir, FILES.catalogue, toJsonText(catalogue));
  writeKeyFile(dir, FILES.keySet, toJsonText(signed));
  rmSync(join(dir, FILES.firstStart));
}

async function loadOrderKey(dir: string, keySet: KeySet): Promise<Signer> {
  const nextPath = join(dir, FILES.nextOrderKey);
  if (existsSync(nextPath)) {
    const next = await signerOfFile(nextPath);
    // A rotation that was interrupted after the key set named the new key: finish it. Before that, it never happened.
    if (findKey(keySet, 'order', next.key).ok) renameKeyFile(dir, FILES.nextOrderKey, FILES.orderKey);
  }
  const signer = await signerOfFile(join(dir, FILES.orderKey));
  const found = findKey(keySet, 'order', signer.key);
  if (!found.ok) {
    throw new KeyringError(
      'order-key-inactive',
      `"${FILES.orderKey}" is not an active order key of the key set (${found.why}), so agents would refuse every ` +
        'order. Restore the two from the same backup, or: latchkey server rotate-order-key --script-key FILE',
    );
  }
  return signer;
}
