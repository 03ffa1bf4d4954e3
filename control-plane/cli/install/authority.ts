import { createHash, X509Certificate } from 'node:crypto';
import { parseJoinToken } from '#protocol';
import { clientError } from '../errors.ts';

/**
 * The authority that a host is to trust: the one that the join token names, or null where public ones are trusted. It
 * stands in a here-document and was handed out by the control plane, so it is written anew from what it means: base64
 * can end the document on a line of its own, and go on as commands.
 */
export function authorityFor(token: string, pem: string | null): string | null {
  const parsed = parseJoinToken(token);
  if (parsed === null) throw clientError('control-plane-answer-invalid', ['It is not a join token.']);
  if (parsed.caPin === null) return null;
  const blocks = pem?.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  for (const block of blocks) {
    const certificate = read(block);
    if (certificate !== null && pinOf(certificate) === parsed.caPin) return certificate.toString();
  }
  throw clientError('authority-mismatch');
}

function read(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null; // Not a certificate: none that any pin could be of.
  }
}

function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url');
}
