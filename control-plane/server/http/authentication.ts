import { CSRF_HEADER, UNATTENDED_HEADER, type ApiCode } from '#protocol';
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Actor } from '../domain/actor.ts';
import { isSafeMethod, isSameOrigin } from '../domain/console-session.ts';
import type { ConsoleSessionService } from '../service/console-session-service.ts';
import type { TokenService } from '../service/token-service.ts';
import { readSessionCookie } from './session-cookie.ts';

/** What a request brings to show who sent it. */
export interface Credentials {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** Who sent a request, as far as it shows. */
export type Authentication =
  | { readonly outcome: 'known'; readonly actor: Actor; readonly csrfToken: string | null }
  /** Nothing was presented, or something that was good once. */
  | { readonly outcome: 'none' }
  /** Something was presented that never was good: a guess. */
  | { readonly outcome: 'wrong' }
  /** It is known who, and not that they want this. */
  | { readonly outcome: 'refused'; readonly code: ApiCode };

export type Authenticate = (credentials: Credentials) => Promise<Authentication>;

const BEARER = /^bearer ([A-Za-z0-9_-]{1,200})$/i;
const NONE: Authentication = { outcome: 'none' };

/** API tokens in the authorization header, and nowhere else: not in the URL, which ends up in logs. */
export function createBearerAuthentication(tokens: Pick<TokenService, 'authenticate'>): Authenticate {
  return async ({ headers: { authorization } }) => {
    if (authorization === undefined) return NONE;
    const token = BEARER.exec(authorization)?.[1];
    const actor = token === undefined ? null : await tokens.authenticate(token);
    return actor === null ? { outcome: 'wrong' } : { outcome: 'known', actor, csrfToken: null };
  };
}

/** Sessions of the web console, by their cookie. */
export function createConsoleAuthentication(
  sessions: Pick<ConsoleSessionService, 'authenticate'>,
  publicOrigin: string,
): Authenticate {
  return async ({ method, headers }) => {
    const secret = readSessionCookie(headers.cookie);
    if (secret === null) return NONE;
    // Streams stay open by themselves, and browsers let no page add a header to them.
    const isAttended = headers[UNATTENDED_HEADER] === undefined && headers.accept !== 'text/event-stream';
    const holder = await sessions.authenticate(secret, isAttended);
    if (holder === 'ended') return NONE;
    if (holder === 'unknown') return { outcome: 'wrong' };
    const origin = { method, origin: headers.origin, secFetchSite: one(headers['sec-fetch-site']) };
    if (!isSameOrigin(origin, publicOrigin)) return { outcome: 'refused', code: 'origin-refused' };
    if (!isSafeMethod(method) && !sameText(one(headers[CSRF_HEADER]) ?? '', holder.csrfToken)) {
      return { outcome: 'refused', code: 'csrf-token-invalid' };
    }
    return { outcome: 'known', ...holder };
  };
}

/** The first of several ways in which something was presented at all: a token that is named beats a cookie that tags along. */
export function firstPresented(...ways: readonly Authenticate[]): Authenticate {
  return async (credentials) => {
    for (const authenticate of ways) {
      const found = await authenticate(credentials);
      if (found.outcome !== 'none') return found;
    }
    return NONE;
  };
}

function one(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' || header === undefined ? header : header.join(',');
}

/** Takes the same time whichever character differs. */
function sameText(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
