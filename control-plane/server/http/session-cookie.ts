import { CONSOLE_SESSION_AGE_MS_MAX } from '#protocol';

/** `__Host-`: browsers take it over HTTPS only, for this host only, and let no other host or path set it. */
const NAME = '__Host-latchkey';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const PAIR = new RegExp(`^${NAME}=([A-Za-z0-9_-]{1,200})$`);

/** The value of a `set-cookie` header that keeps the secret of a session. */
export function sessionCookie(secret: string): string {
  return `${NAME}=${secret}; ${ATTRIBUTES}; Max-Age=${String(CONSOLE_SESSION_AGE_MS_MAX / 1000)}`;
}

/** That of one that takes it away. */
export const EXPIRED_SESSION_COOKIE = `${NAME}=; ${ATTRIBUTES}; Max-Age=0`;

/** The secret of a session in a `cookie` header; null where there is none, or more than one, of which one is foisted. */
export function readSessionCookie(header: string | undefined): string | null {
  const found = (header ?? '').split(';').flatMap((pair) => PAIR.exec(pair.trim())?.[1] ?? []);
  return found.length === 1 ? (found[0] ?? null) : null;
}
