import { X509Certificate } from 'node:crypto';
import { fromBase64Url, type KeySet } from '#protocol';

/**
 * The only TLS authorities to trust, PEM; null for those of the system. `ca` is the one that was joined by, `named` those
 * of the key set: it may replace an authority of the control plane's own, and never what the system trusts, since the
 * server behind a public certificate goes on presenting that.
 */
export function trustedAuthorities(ca: string | null, named: readonly string[] | null): string[] | null {
  if (ca === null) return null;
  return named === null ? [ca] : named.map((der) => read(der).toString());
}

/** Whether this agent could use what the set names. If not, taking it would lock the control plane out for good. */
export function namesUsableAuthorities(keySet: Pick<KeySet, 'authorities'>): boolean {
  try {
    return (keySet.authorities ?? []).every((der) => read(der).ca);
  } catch {
    return false; // One of them is no certificate.
  }
}

function read(der: string): X509Certificate {
  return new X509Certificate(fromBase64Url(der));
}
