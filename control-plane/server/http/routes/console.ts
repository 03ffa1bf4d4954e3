import { Readable } from 'node:stream';
import {
  API_PREFIX,
  ConsoleSessionId,
  ConsoleSessionPage,
  ConsoleSessionQuery,
  ConsoleSignIn,
  Overview,
  Settings,
} from '#protocol';
import * as z from 'zod';
import { ApiError } from '../../service/errors.ts';
import { EXPIRED_SESSION_COOKIE, sessionCookie } from '../session-cookie.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const OWN = `${API_PREFIX}/console/session`;
const ALL = `${API_PREFIX}/console/sessions`;
const tag = 'console';

/** How browsers sign in. Everything else they ask for is the API that every client has. */
export function consoleRoutes(deps: ConsoleDeps): readonly Route[] {
  const { consoleSessions } = deps.services;
  return [...ownRoutes(consoleSessions), ...allSessionsRoutes(consoleSessions), ...wholeRoutes(deps)];
}

type ConsoleDeps = Pick<RouteDeps, 'services' | 'overview' | 'settings' | 'changes' | 'streams'>;

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

/** The whole at a glance, and when to look again. */
function wholeRoutes({ overview, settings, changes, streams }: ConsoleDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: `${API_PREFIX}/overview`,
      access: 'instance.read',
      tag,
      summary: 'The state of everything, on one page',
      responses: { 200: { description: 'As far as the token may see it.', schema: Overview } },
      handle: async ({ actor }) => ({ status: 200, body: await overview.overview(actor) }),
    }),
    route({
      method: 'GET',
      path: `${API_PREFIX}/settings`,
      access: 'settings.read',
      tag,
      summary: 'What the configuration of the control plane says',
      description:
        'With its defaults filled in, to be looked at: it is changed in the file and by flags. It holds no secret.',
      responses: { 200: { description: 'As the process was started.', schema: Settings } },
      handle: async ({ actor }) => ({ status: 200, body: await settings.read(actor) }),
    }),
    route({
      method: 'GET',
      path: `${API_PREFIX}/changes`,
      access: 'instance.read',
      tag,
      summary: 'Hear that something has changed',
      description:
        'Server-sent events named `changed`, at most one a second: what kinds of things have changed, to be asked for ' +
        'again. Whoever comes back asks for all.',
      responses: { 200: { description: 'The stream.', schema: z.string(), contentType: 'text/event-stream' } },
      errors: ['rate-limited'],
      handle: async ({ actor, signal }) => {
        const events = streams.open(actor, 'changed', (until) => changes.watch(until), signal());
        if (events === null) throw new ApiError('rate-limited', { retryAfterSeconds: 30 });
        return {
          status: 200,
          contentType: 'text/event-stream',
          headers: { 'x-accel-buffering': 'no' },
          payload: Readable.from(events),
        };
      },
    }),
  ];
}
