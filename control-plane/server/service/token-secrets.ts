import { timingSafeEqual } from 'node:crypto';
import { Digest, TokenId, fromBase64Url, toBase64Url } from '#protocol';
import type { Hash, Random } from './ports.ts';

const SECRET_BYTES = 32;

/** `lk_<id>_<secret>`; base64url holds underscores, so the parts have fixed lengths. */
const API_TOKEN = /^lk_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export interface ApiToken {
  readonly id: TokenId;
  /** 32 random bytes, base64url. */
  readonly secret: string;
}

export function formatApiToken(token: ApiToken): string {
  return `lk_${token.id}_${token.secret}`;
}

/** Null for text that is not an API token. */
export function parseApiToken(text: string): ApiToken | null {
  const match = API_TOKEN.exec(text);
  const id = TokenId.safeParse(match?.[1]);
  // Canonical base64url only: one text for one token.
  const secret = Digest.safeParse(match?.[2]);
  return id.success && secret.success ? { id: id.data, secret: secret.data } : null;
}

/** A new secret and the digest that the store keeps. A plain hash will do: nobody guesses 32 random bytes. */
export function newSecret(random: Random, hash: Hash): { readonly secret: string; readonly digest: Digest } {
  const bytes = random.bytes(SECRET_BYTES);
  return { secret: toBase64Url(bytes), digest: hash(bytes) };
}

/** Whether that is the secret behind the digest; takes the same time whichever byte differs. */
export function secretMatches(secret: string, digest: Digest, hash: Hash): boolean {
  return timingSafeEqual(fromBase64Url(hash(fromBase64Url(secret))), fromBase64Url(digest));
}
