import {
  API_PREFIX,
  CONSOLE_SESSION_AGE_MS_MAX,
  CONSOLE_SESSION_IDLE_MS_MAX,
  ConsoleSessionId,
  ConsoleSessionPage,
  ConsoleSessionQuery,
  ConsoleSignIn,
  EndConsoleSessions,
  EndedConsoleSessions,
} from '#protocol';
import * as z from 'zod';
import { ApiError } from '../../service/errors.ts';
import { EXPIRED_SESSION_COOKIE, sessionCookie } from '../session-cookie.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const OWN = `${API_PREFIX}/console/session`;
const ALL = `${API_PREFIX}/console/sessions`;
const tag = 'console';
const IDLE_MINUTES = String(CONSOLE_SESSION_IDLE_MS_MAX / 60_000);
const AGE_HOURS = String(CONSOLE_SESSION_AGE_MS_MAX / 3_600_000);

/** How browsers sign in, and how their sessions are ended. */
export function consoleRoutes({ services: { consoleSessions } }: Pick<RouteDeps, 'services'>): readonly Route[] {
  return [...ownRoutes(consoleSessions), ...allSessionsRoutes(consoleSessions)];
}

type Sessions = RouteDeps['services']['consoleSessions'];

function ownRoutes(sessions: Sessions): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: OWN,
      access: 'console-session.open',
      tag,
      limit: 'signIn',
      summary: 'Sign in: exchange an API token for a session',
      description:
        'With the token in the authorization header, as ever. The answer sets the cookie; no page can read it. A session ' +
        `may do what the token may, and ends with it, after ${IDLE_MINUTES} minutes without use, and after ${AGE_HOURS} hours.`,
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
      path: ALL,
      access: 'console-session.end',
      tag,
      summary: 'End all console sessions but the one that asks',
      description:
        'Of all tokens for who may revoke tokens, of the own one for others. Who asks with a token has none.',
      query: EndConsoleSessions,
      responses: { 200: { description: 'They let nobody in any more.', schema: EndedConsoleSessions } },
      handle: async ({ actor }) => ({ status: 200, body: { ended: await sessions.endOthers(actor) } }),
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
