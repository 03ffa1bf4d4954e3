import { X509Certificate } from 'node:crypto';
import type { KeySet } from '#protocol';
import {
  authorityValidity,
  namedAs,
  openIssuer,
  pinOf,
  readAuthority,
  readChain,
  settleAuthority,
} from './authority.ts';
import { issueAuthority, issueSuccessor } from './certificate.ts';
import { KeyringError } from './errors.ts';
import { toJsonText, writeKeyFile } from './key-files.ts';
import { readKeySet, withAuthorities } from './key-set-file.ts';
import { FILES } from './layout.ts';
import { openScriptKey, type OfflineOptions } from './offline.ts';

/** Each costs every handshake some 500 bytes, and is for agents that were away since that many rotations. */
const CHAIN_CERTIFICATES_MAX = 8;

export interface AuthorityRotation {
  /** Of the key set that tells of it. */
  readonly version: number;
  /** What join tokens name from now on. */
  readonly caPin: string;
}

/**
 * Makes a new TLS authority for which the old one vouches, and has both believed; the old key is gone after it. The
 * server presents the new one from its next start. Throws `KeyringError`.
 */
export async function rotateAuthority(options: OfflineOptions & { readonly now: number }): Promise<AuthorityRotation> {
  const { dir, now } = options;
  const { keySet } = await readKeySet(dir);
  settleAuthority(dir, keySet);
  if (isRotating(keySet)) {
    throw new KeyringError(
      'authority-rotation-unfinished',
      'Two authorities are believed since the last rotation. Restart the server if it has not been restarted since, ' +
        'then: latchkey server rotate-ca --finish --script-key FILE',
    );
  }
  const scriptSigner = await openScriptKey(options.scriptKeyFile, keySet);
  const old = readAuthority(dir);
  const issuer = openIssuer(dir, old);
  const { certificatePem, keyPem } = issueAuthority(issuer.name, authorityValidity(now));
  const certificate = new X509Certificate(certificatePem);
  const validity = authorityValidity(now, old.certificate.validToDate.getTime());
  const chain = [issueSuccessor(certificate.publicKey, issuer, validity), ...readChain(dir, now)];
  const next = await withAuthorities(keySet, scriptSigner, [namedAs(certificate), namedAs(old.certificate)], now);
  // In this order a crash leaves the old authority, or a set that names the new one, which the next start puts in place.
  writeKeyFile(dir, FILES.nextAuthorityKey, keyPem);
  writeKeyFile(dir, FILES.nextAuthorityCertificate, certificatePem);
  writeKeyFile(dir, FILES.nextAuthorityChain, chain.slice(0, CHAIN_CERTIFICATES_MAX).join(''));
  writeKeyFile(dir, FILES.keySet, toJsonText(next.signed));
  settleAuthority(dir, next.keySet);
  return { version: next.keySet.version, caPin: pinOf(certificate) };
}

/** Withdraws the authority before: agents that learn of it believe the new one alone. Throws `KeyringError`. */
export async function finishAuthorityRotation(
  options: OfflineOptions & { readonly now: number },
): Promise<AuthorityRotation> {
  const { dir, now } = options;
  const { keySet } = await readKeySet(dir);
  settleAuthority(dir, keySet);
  if (!isRotating(keySet)) {
    throw new KeyringError(
      'authority-rotation-not-begun',
      'There is no rotation to finish: one authority is believed. Begin one with: latchkey server rotate-ca --script-key FILE',
    );
  }
  const scriptSigner = await openScriptKey(options.scriptKeyFile, keySet);
  const { certificate } = readAuthority(dir);
  const next = await withAuthorities(keySet, scriptSigner, [namedAs(certificate)], now);
  writeKeyFile(dir, FILES.keySet, toJsonText(next.signed));
  return { version: next.keySet.version, caPin: pinOf(certificate) };
}

/** Whether an authority is believed besides the one in use. */
export function isRotating({ authorities = [] }: Pick<KeySet, 'authorities'>): boolean {
  return authorities.length > 1;
}
