import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  hasAuthority,
  makeAuthority,
  namedAs,
  namedPem,
  NOT_BEFORE_MS,
  openIssuer,
  parseCertificate,
  pinOf,
  readAuthority,
  readChain,
  type Authority,
} from './authority.ts';
import { issueLeaf } from './certificate.ts';
import { KeyringError } from './errors.ts';
import { readKeyFile, writeKeyFile } from './key-files.ts';
import { FILES } from './layout.ts';

const DAY_MS = 24 * 3_600_000;
/** Long, for instances whose clock is ahead: they believe a leaf that is renewed early for months at least. */
const LEAF_LIFETIME_MS = 2 * 365 * DAY_MS;
/** A leaf with less than this left is renewed: a third of its life. */
const LEAF_LEFT_MS_MIN = LEAF_LIFETIME_MS / 3;

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
  /** The own authorities that are believed, the one in use first; null where a certificate was provided. */
  readonly caPem: string | null;
  /** SHA-256 of the authority's SubjectPublicKeyInfo, base64url; null where public authorities are trusted. */
  readonly caPin: string | null;
}

/** The host of an https URL as certificates name it: without brackets. */
export function hostOf(publicUrl: string): string {
  return new URL(publicUrl).hostname.replace(/^\[(.*)\]$/, '$1');
}

/**
 * TLS by the own authority: made if it is not there, and the leaf again if it does not fit or ends soon. `believed`: the
 * authorities that the key set names, if it does. Throws `authority-inactive` where the own one is not among them.
 */
export function ownTls(dir: string, publicUrl: string, now: number, believed?: readonly string[]): ServerTls {
  if (!hasAuthority(dir, 'any')) makeAuthority(dir, now);
  const authority = readAuthority(dir);
  if (believed?.includes(namedAs(authority.certificate)) === false) {
    throw new KeyringError(
      'authority-inactive',
      `"${join(dir, FILES.authorityCertificate)}" is not an authority that the key set names, so agents would refuse ` +
        'this server. Restore the two from the same backup, the newest one that you have.',
    );
  }
  const host = hostOf(publicUrl);
  const leaf = readFittingLeaf(dir, authority.certificate, host, now) ?? makeLeaf(dir, authority, host, now);
  const chain = readChain(dir, now);
  return {
    // Instead of the authority itself: a client that knows only the one before would stop at it.
    tls: { ...leaf, cert: leaf.cert + (chain.length > 0 ? chain.join('') : authority.pem) },
    caPem: believed === undefined ? authority.pem : namedPem(believed),
    caPin: pinOf(authority.certificate),
  };
}

function makeLeaf(dir: string, authority: Authority, host: string, now: number): TlsMaterial {
  // Certificates know whole seconds.
  const notAfter = Math.floor((now + LEAF_LIFETIME_MS) / 1000) * 1000;
  const leaf = issueLeaf(host, openIssuer(dir, authority), { notBefore: NOT_BEFORE_MS, notAfter });
  // A crash between the two leaves a pair that does not match, which is replaced when it is next looked at.
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
