import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { issueAuthority, issueLeaf } from './certificate.ts';
import { KeyringError } from './errors.ts';
import { readKeyFile, writeKeyFile } from './key-files.ts';
import { FILES } from './layout.ts';

const DAY_MS = 24 * 3_600_000;
const AUTHORITY_LIFETIME_MS = 20 * 365 * DAY_MS;
/** Replaced at a start, so longer than anyone lets a server run. */
const LEAF_LIFETIME_MS = 2 * 365 * DAY_MS;
/** A leaf with less than this left is replaced at a start. */
const LEAF_LEFT_MS_MIN = 30 * DAY_MS;
/** Certificates begin where clocks do: an instance whose clock was never set must believe them too. */
const NOT_BEFORE_MS = 0;

export interface TlsMaterial {
  /** PEM of the private key. */
  readonly key: string;
  /** PEM of the certificate, then those above it. */
  readonly cert: string;
  /** When the certificate ends, milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface ServerTls {
  readonly tls: TlsMaterial;
  /** The own authority, or null where a certificate was provided. */
  readonly caPem: string | null;
  /** SHA-256 of the authority's SubjectPublicKeyInfo, base64url; null where public authorities are trusted. */
  readonly caPin: string | null;
}

/** The host of an https URL as certificates name it: without brackets. */
export function hostOf(publicUrl: string): string {
  return new URL(publicUrl).hostname.replace(/^\[(.*)\]$/, '$1');
}

/** TLS by the own authority: made if it is not there, and the leaf again if it does not fit the host or ends soon. */
export function ownTls(dir: string, publicUrl: string, now: number): ServerTls {
  if (!existsSync(join(dir, FILES.authorityCertificate)) && !existsSync(join(dir, FILES.authorityKey))) {
    makeAuthority(dir, now);
  }
  const caPem = readKeyFile(join(dir, FILES.authorityCertificate), 'public');
  const authority = parseCertificate(caPem, FILES.authorityCertificate);
  const leaf = readFittingLeaf(dir, authority, hostOf(publicUrl), now) ?? makeLeaf(dir, authority, publicUrl, now);
  const spki = authority.publicKey.export({ type: 'spki', format: 'der' });
  return {
    tls: { ...leaf, cert: leaf.cert + caPem },
    caPem,
    caPin: createHash('sha256').update(spki).digest('base64url'),
  };
}

function makeAuthority(dir: string, now: number): void {
  // A name of its own, so that the authorities of two control planes are not taken for one.
  const name = `Latchkey CA ${randomBytes(4).toString('hex')}`;
  const validity = { notBefore: NOT_BEFORE_MS, notAfter: now + AUTHORITY_LIFETIME_MS };
  const { certificatePem, keyPem } = issueAuthority(name, validity);
  writeKeyFile(dir, FILES.authorityKey, keyPem);
  writeKeyFile(dir, FILES.authorityCertificate, certificatePem);
}

function makeLeaf(dir: string, authority: X509Certificate, publicUrl: string, now: number): TlsMaterial {
  const keyPath = join(dir, FILES.authorityKey);
  const key = createPrivateKey(readKeyFile(keyPath));
  if (!authority.checkPrivateKey(key)) {
    throw new KeyringError('key-file-malformed', `"${keyPath}" is not the key of ${FILES.authorityCertificate}.`);
  }
  const name = authority.subject.replace(/^CN=/, '');
  const notAfter = now + LEAF_LIFETIME_MS;
  const leaf = issueLeaf(
    hostOf(publicUrl),
    { name, key, publicKey: authority.publicKey },
    { notBefore: NOT_BEFORE_MS, notAfter },
  );
  // A crash between the two leaves a pair that does not match, which the next start replaces.
  writeKeyFile(dir, FILES.tlsKey, leaf.keyPem);
  writeKeyFile(dir, FILES.tlsCertificate, leaf.certificatePem);
  return { key: leaf.keyPem, cert: leaf.certificatePem, notAfter };
}

/** Null if there is none, or none that can be used any more. */
function readFittingLeaf(dir: string, authority: X509Certificate, host: string, now: number): TlsMaterial | null {
  const paths = [join(dir, FILES.tlsKey), join(dir, FILES.tlsCertificate)] as const;
  if (!paths.every((path) => existsSync(path))) return null;
  const [key, cert] = [readKeyFile(paths[0]), readKeyFile(paths[1], 'public')];
  const certificate = parseCertificate(cert, paths[1]);
  const notAfter = certificate.validToDate.getTime();
  const fits =
    certificate.verify(authority.publicKey) &&
    certificate.checkPrivateKey(createPrivateKey(key)) &&
    namesHost(certificate, host) &&
    notAfter - now >= LEAF_LEFT_MS_MIN;
  return fits ? { key, cert, notAfter } : null;
}

/** TLS by a certificate that the operator provides. Throws `tls-certificate-unfit`. */
export function providedTls(certFile: string, keyFile: string, publicUrl: string, now: number): ServerTls {
  // A group may read it: tools that renew certificates hand them out so.
  const key = readKeyFile(keyFile, 'group-may-read');
  if (!existsSync(certFile)) throw new KeyringError('key-file-missing', `"${certFile}" is missing.`);
  const cert = readFileSync(certFile, 'utf8');
  const certificate = parseCertificate(cert, certFile);
  const notAfter = certificate.validToDate.getTime();
  const host = hostOf(publicUrl);
  const unfit = (why: string) => new KeyringError('tls-certificate-unfit', `"${certFile}" ${why}`);
  if (!matches(certificate, key, keyFile)) throw unfit(`does not belong to the key "${keyFile}".`);
  if (!namesHost(certificate, host)) throw unfit(`is not for "${host}", the host of the public URL.`);
  if (notAfter <= now) throw unfit(`ended on ${certificate.validTo}. Renew it.`);
  return { tls: { key, cert, notAfter }, caPem: null, caPin: null };
}

function matches(certificate: X509Certificate, keyPem: string, source: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    throw new KeyringError('key-file-malformed', `"${source}" holds no private key in PEM.`);
  }
}

function namesHost(certificate: X509Certificate, host: string): boolean {
  return isIP(host) === 0 ? certificate.checkHost(host) !== undefined : certificate.checkIP(host) !== undefined;
}

function parseCertificate(pem: string, source: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new KeyringError('key-file-malformed', `"${source}" holds no certificate in PEM.`, { cause });
  }
}
