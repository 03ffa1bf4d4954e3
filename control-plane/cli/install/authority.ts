import { chooseAuthority } from '#protocol';
import { clientError } from '../errors.ts';

/** The authority that a host is to trust: the one that the join token names, or null where public ones are trusted. */
export async function authorityFor(token: string, pem: string | null): Promise<string | null> {
  const choice = await chooseAuthority(token, pem);
  if (choice.ok) return choice.authority;
  if (choice.why === 'authority-mismatch') throw clientError('authority-mismatch');
  throw clientError('control-plane-answer-invalid', ['It is not a join token.']);
}
