import type { Token } from '#protocol';
import { texts } from '../../texts/index.ts';

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
