import type { Token } from '#protocol';
import { texts } from '../../texts/index.ts';

export type TokenState = 'good' | 'expired' | 'revoked' | 'used-up';

/** Whether it still lets anybody in, and if not, why; `now` in milliseconds since the epoch. */
export function stateOf(token: Pick<Token, 'revokedAt' | 'expiresAt' | 'usesLeft'>, now: number): TokenState {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt !== null && token.expiresAt <= now) return 'expired';
  return token.usesLeft === 0 ? 'used-up' : 'good';
}

/** What it is good for, in words. */
export function scopeOf(token: Pick<Token, 'type' | 'projects' | 'accounts' | 'privileged' | 'usesLeft'>): string {
  const words = texts.access.tokens;
  const { projects, accounts, usesLeft } = token;
  const names = projects?.join(', ');
  if (token.type === 'join') {
    const where = names === undefined ? words.allProjects : words.project(names);
    return usesLeft === null ? where : `${where}; ${words.usesLeft(usesLeft)}`;
  }
  return [
    names === undefined ? words.allProjects : words.projects(names),
    ...(accounts === null ? [] : [words.accounts(accounts.join(', '))]),
    ...(token.privileged ? [words.privileged] : []),
  ].join('; ');
}
