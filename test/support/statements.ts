import { SealingKeyStatement, fromBase64Url, parseJsonBytes, type Signed } from '#protocol';

/** The statement inside a certificate, unverified: for tests that play an honest client in a hurry. */
export function statementOf(certificate: Signed): SealingKeyStatement {
  const opened = parseJsonBytes(SealingKeyStatement, fromBase64Url(certificate.bytes));
  if (!opened.ok) throw new Error('not a sealing key statement');
  return opened.body;
}
