import { createHash, X509Certificate } from 'node:crypto';

/** What join tokens carry of an authority: SHA-256 of its public key. */
export function caPinOf(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(spki).digest('base64url');
}
