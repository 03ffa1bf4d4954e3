import type { Token } from '#protocol';
import type { texts } from '../../texts/index.ts';

export type TokenState = keyof typeof texts.access.tokens.states;

/** Whether it still lets anybody in, and if not, why; `now` in milliseconds since the epoch. */
export function stateOf(token: Pick<Token, 'revokedAt' | 'expiresAt' | 'usesLeft'>, now: number): TokenState {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt !== null && token.expiresAt <= now) return 'expired';
  return token.usesLeft === 0 ? 'used-up' : 'good';
}
