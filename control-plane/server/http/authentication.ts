import type { Actor } from '../domain/actor.ts';
import type { TokenService } from '../service/token-service.ts';

/** What a request brings to show who sent it. */
export interface Credentials {
  readonly authorization: string | undefined;
}

/**
 * Who sent a request; null when nothing in it shows that. Another way to log in (a session of the web console) is
 * another function of this type, and the app takes the one that is composed of both.
 */
export type Authenticate = (credentials: Credentials) => Promise<Actor | null>;

const BEARER = /^bearer ([A-Za-z0-9_-]{1,200})$/i;

/** API tokens in the authorization header, and nowhere else: not in the URL, which ends up in logs. */
export function createBearerAuthentication(tokens: Pick<TokenService, 'authenticate'>): Authenticate {
  return async ({ authorization }) => {
    const token = BEARER.exec(authorization ?? '')?.[1];
    return token === undefined ? null : tokens.authenticate(token);
  };
}
