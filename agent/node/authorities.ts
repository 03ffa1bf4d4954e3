import { getCACertificates } from 'node:tls';

/**
 * The certificate authorities to trust, PEM: that one alone, or without one those that this machine trusts, which are
 * more than the ones that come with the runtime.
 */
export function authoritiesFor(ca: string | null): string[] {
  return ca === null ? [...new Set([...getCACertificates('default'), ...getCACertificates('system')])] : [ca];
}
