import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fromBase64Url, type KeySet } from '#protocol';
import { issueAuthority, type Issuer } from './certificate.ts';
import { KeyringError } from './errors.ts';
import { readKeyFile, renameKeyFile, writeKeyFile } from './key-files.ts';
import { FILES } from './layout.ts';

/** The own TLS authority, and what leads to it from those that were there before. */

const DAY_MS = 24 * 3_600_000;
const AUTHORITY_LIFETIME_MS = 20 * 365 * DAY_MS;
/** Certificates begin where clocks do: an instance whose clock was never set must believe them too. */
export const NOT_BEFORE_MS = 0;

export interface Authority {
  readonly pem: string;
  readonly certificate: X509Certificate;
}

/** From now on; at most until `endMs`. */
export function authorityValidity(now: number, endMs = Infinity): { notBefore: number; notAfter: number } {
  return { notBefore: NOT_BEFORE_MS, notAfter: Math.min(now + AUTHORITY_LIFETIME_MS, endMs) };
}

/** `any`: at least one of its two files, so that the loss of the other one shows. */
export function hasAuthority(dir: string, how: 'whole' | 'any'): boolean {
  const there = [FILES.authorityCertificate, FILES.authorityKey].map((name) => existsSync(join(dir, name)));
  return how === 'whole' ? there.every(Boolean) : there.some(Boolean);
}

export function makeAuthority(dir: string, now: number): void {
  // A name of its own, so that the authorities of two control planes are not taken for one.
  const name = `Latchkey CA ${randomBytes(4).toString('hex')}`;
  const { certificatePem, keyPem } = issueAuthority(name, authorityValidity(now));
  writeKeyFile(dir, FILES.authorityKey, keyPem);
  writeKeyFile(dir, FILES.authorityCertificate, certificatePem);
}

/** Throws `key-file-missing`, `key-file-exposed`, `key-file-malformed`. */
export function readAuthority(dir: string): Authority {
  const pem = readKeyFile(join(dir, FILES.authorityCertificate), 'public');
  return { pem, certificate: parseCertificate(pem, FILES.authorityCertificate) };
}

/** The authority with its key, to sign with. */
export function openIssuer(dir: string, { certificate }: Authority): Issuer {
  const path = join(dir, FILES.authorityKey);
  const key = createPrivateKey(readKeyFile(path));
  if (!certificate.checkPrivateKey(key)) {
    throw new KeyringError('key-file-malformed', `"${path}" is not the key of ${FILES.authorityCertificate}.`);
  }
  return { name: certificate.subject.replace(/^CN=/, ''), key, publicKey: certificate.publicKey };
}

/** How each authority before vouches for its successor, newest first, PEM; without those whose authority has ended. */
export function readChain(dir: string, now: number): string[] {
  const path = join(dir, FILES.authorityChain);
  if (!existsSync(path)) return [];
  return certificatesIn(readKeyFile(path, 'public')).filter(
    (pem) => parseCertificate(pem, path).validToDate.getTime() > now,
  );
}

/** The certificate as key sets name it. */
export function namedAs(certificate: X509Certificate): string {
  return certificate.raw.toString('base64url');
}

/** The authorities that a key set names, PEM. */
export function namedPem(authorities: readonly string[]): string {
  return authorities.map((der) => new X509Certificate(fromBase64Url(der)).toString()).join('');
}

/** SHA-256 of its SubjectPublicKeyInfo, base64url: what join tokens name. */
export function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

/**
 * Puts in place what a rotation has made, once the key set names it: before that, it never happened. The key goes last,
 * so that as long as it is not there, the rest is tried again.
 */
export function settleAuthority(dir: string, keySet: KeySet): void {
  const [active] = keySet.authorities ?? [];
  const keyPath = join(dir, FILES.nextAuthorityKey);
  if (active === undefined || !existsSync(keyPath)) return;
  const key = createPrivateKey(readKeyFile(keyPath));
  if (!new X509Certificate(fromBase64Url(active)).checkPrivateKey(key)) return;
  for (const [next, name] of [
    [FILES.nextAuthorityChain, FILES.authorityChain],
    [FILES.nextAuthorityCertificate, FILES.authorityCertificate],
    [FILES.nextAuthorityKey, FILES.authorityKey],
  ] as const) {
    if (existsSync(join(dir, next))) renameKeyFile(dir, next, name);
  }
}

function certificatesIn(pem: string): string[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((block) => `${block}\n`);
}

/** `source` names it in errors. Throws `key-file-malformed`. */
export function parseCertificate(pem: string, source: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new KeyringError('key-file-malformed', `"${source}" holds no certificate in PEM.`, { cause });
  }
}
