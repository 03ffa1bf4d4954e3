import { Readable } from 'node:stream';
import { API_PREFIX, Overview, Settings } from '#protocol';
import * as z from 'zod';
import { ApiError } from '../../service/errors.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const tag = 'console';
type Deps = Pick<RouteDeps, 'overview' | 'settings' | 'changes' | 'streams'>;

/** The whole at a glance, and when to look again. */
export function overviewRoutes({ overview, settings, changes, streams }: Deps): readonly Route[] {
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
        'again. Whoever comes back asks for all. An event named `still-here` comes first and then after every 15 s in which ' +
        'nothing else did.',
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
