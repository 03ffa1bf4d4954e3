import type { Actor } from '../domain/actor.ts';
import type { ConsoleSessionService } from '../service/console-session-service.ts';
import type { TokenService } from '../service/token-service.ts';

/** Whether whoever opened a request that lasts would still be let in. */
export interface Standing {
  isCurrent(actor: Actor): Promise<boolean>;
  /** Calls back when the token or the session is ended through this process; returns a function that forgets it. */
  onEnded(actor: Actor, listener: () => void): () => void;
}

export function createStanding(services: {
  readonly tokens: Pick<TokenService, 'isCurrent' | 'onRevoked'>;
  readonly consoleSessions: Pick<ConsoleSessionService, 'isCurrent' | 'onEnded'>;
}): Standing {
  const { tokens, consoleSessions } = services;
  return {
    isCurrent: ({ tokenId, consoleSession }) =>
      consoleSession === undefined ? tokens.isCurrent(tokenId) : consoleSessions.isCurrent(consoleSession),
    onEnded: ({ tokenId, consoleSession }, listener) => {
      const forgets = [
        tokens.onRevoked(tokenId, listener),
        ...(consoleSession === undefined ? [] : [consoleSessions.onEnded(consoleSession, listener)]),
      ];
      return () => {
        for (const forget of forgets) forget();
      };
    },
  };
}
