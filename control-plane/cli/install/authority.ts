import { createHash, X509Certificate } from 'node:crypto';
import { parseJoinToken } from '#protocol';
import { clientError } from '../errors.ts';

/** The authority that a host is to trust: the one that the join token names, or null where public ones are trusted. */
export function authorityFor(token: string, pem: string | null): string | null {
  const parsed = parseJoinToken(token);
  if (parsed === null) throw clientError('control-plane-answer-invalid', ['It is not a join token.']);
  if (parsed.caPin === null) return null;
  const blocks = pem?.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  const pinned = blocks.find((block) => spkiDigest(block) === parsed.caPin);
  if (pinned === undefined) throw clientError('authority-mismatch');
  return pinned;
}

function spkiDigest(pem: string): string | null {
  try {
    const spki = new X509Certificate(pem).publicKey.export({ format: 'der', type: 'spki' });
    return createHash('sha256').update(spki).digest('base64url');
  } catch {
    return null; // Not a certificate: none that any pin could be of.
  }
}
