import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findKey, type KeySet, type Signed, type Signer, type Thumbprint } from '#protocol';
import { buildCatalogue, matchScripts, readCatalogue, SCRIPTS_DIR, type Scripts } from './catalogue.ts';
import { KeyringError } from './errors.ts';
import { makeKeysDirectory, renameKeyFile, toJsonText, writeKeyFile } from './key-files.ts';
import { firstKeySet, readKeySet } from './key-set-file.ts';
import { FILES } from './layout.ts';
import { newSigningKeyPem, signerOfFile, signerOfPem } from './signing-key.ts';
import { ownTls, providedTls, type ServerTls } from './tls.ts';

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
}

/**
 * Opens the keys directory, and makes all of it at the first start. After that the script key is never opened: it may
 * have been moved away. Throws `KeyringError`.
 */
export async function loadKeyring(options: KeyringOptions): Promise<Keyring> {
  const { dir, publicUrl, now, scriptsDir = SCRIPTS_DIR } = options;
  makeKeysDirectory(dir);
  if (isFirstStart(dir)) await makeKeys(dir, scriptsDir, now);
  const { keySet, signed } = await readKeySet(dir);
  const orderSigner = await loadOrderKey(dir, keySet);
  const scripts = await matchScripts(await readCatalogue(dir, keySet), scriptsDir);
  const tls = options.provided
    ? providedTls(options.provided.certFile, options.provided.keyFile, publicUrl, now)
    : ownTls(dir, publicUrl, now);
  return {
    ...tls,
    orderSigner,
    keySet,
    signedKeySet: signed,
    scriptKey: signed.key,
    scripts,
    scriptKeyPresent: () => existsSync(join(dir, FILES.scriptKey)),
  };
}

/** Nothing there, or what an interrupted first start left. A key that is lost is no first start: its loss must show. */
function isFirstStart(dir: string): boolean {
  const has = (name: string) => existsSync(join(dir, name));
  return has(FILES.firstStart) || ![FILES.keySet, FILES.orderKey, FILES.scriptKey, FILES.catalogue].some(has);
}

async function makeKeys(dir: string, scriptsDir: string, now: number): Promise<void> {
  // The mark comes first and goes last: until then nothing here was handed to anyone, and all may be made again.
  writeKeyFile(dir, FILES.firstStart, '');
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
