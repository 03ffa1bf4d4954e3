import { API_PREFIX, ConsoleSessionId, ConsoleSessionPage, ConsoleSessionQuery, ConsoleSignIn } from '#protocol';
import * as z from 'zod';
import { ApiError } from '../../service/errors.ts';
import { EXPIRED_SESSION_COOKIE, sessionCookie } from '../session-cookie.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const OWN = `${API_PREFIX}/console/session`;
const ALL = `${API_PREFIX}/console/sessions`;
const tag = 'console';

/** How browsers sign in. Everything else they ask for is the API that every client has. */
export function consoleRoutes({ services: { consoleSessions } }: Pick<RouteDeps, 'services'>): readonly Route[] {
  return [...ownRoutes(consoleSessions), ...allSessionsRoutes(consoleSessions)];
}

type Sessions = RouteDeps['services']['consoleSessions'];

function ownRoutes(sessions: Sessions): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: OWN,
      access: 'self.read',
      tag,
      summary: 'Sign in: exchange an API token for a session',
      description:
        'With the token in the authorization header, as ever. The answer sets the cookie; no page can read it. A session ' +
        'may do what the token may, and ends with it, when nobody uses it, and after twelve hours.',
      responses: { 201: { description: 'Signed in.', schema: ConsoleSignIn } },
      handle: async ({ actor, source, userAgent }) => {
        const { secret, signIn } = await sessions.open(actor, { source, browser: userAgent });
        return { status: 201, headers: { 'set-cookie': sessionCookie(secret) }, body: signIn };
      },
    }),
    route({
      method: 'GET',
      path: OWN,
      access: 'self.read',
      tag,
      summary: 'The session that asks, and what its page needs',
      responses: { 200: { description: 'It is good.', schema: ConsoleSignIn } },
      errors: ['console-session-not-found'],
      handle: async ({ actor, csrfToken }) => ({
        status: 200,
        body: await sessions.current(actor, csrfToken ?? ''),
      }),
    }),
    route({
      method: 'DELETE',
      path: OWN,
      access: 'self.read',
      tag,
      summary: 'Sign out',
      responses: { 204: { description: 'The session has ended.', schema: z.undefined() } },
      errors: ['console-session-not-found'],
      handle: async ({ actor }) => {
        if (actor.consoleSession === undefined) throw new ApiError('console-session-not-found');
        await sessions.end(actor, actor.consoleSession);
        return { status: 204, headers: { 'set-cookie': EXPIRED_SESSION_COOKIE }, body: undefined };
      },
    }),
  ];
}

function allSessionsRoutes(sessions: Sessions): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: ALL,
      access: 'self.read',
      tag,
      summary: 'List console sessions',
      description: 'Those that are good now; of all tokens for who may see tokens, of the own one for others.',
      query: ConsoleSessionQuery,
      responses: { 200: { description: 'A page of sessions, newest first.', schema: ConsoleSessionPage } },
      handle: async ({ actor, query }) => ({ status: 200, body: await sessions.list(actor, query) }),
    }),
    route({
      method: 'DELETE',
      path: `${ALL}/:id`,
      access: 'console-session.end',
      tag,
      summary: 'End a console session, at once and for good',
      description: 'One of another token takes the right `token.revoke`.',
      params: z.object({ id: ConsoleSessionId }),
      responses: { 204: { description: 'It lets nobody in any more.', schema: z.undefined() } },
      errors: ['console-session-not-found'],
      handle: async ({ actor, params }) => {
        await sessions.end(actor, params.id);
        return { status: 204, body: undefined };
      },
    }),
  ];
}
