import { Readable } from 'node:stream';
import {
  API_PREFIX,
  CancelledReset,
  ChunkAccepted,
  PlanReset,
  ProgressEvent,
  Reset,
  ResetId,
  ResetPage,
  ResetPlan,
  ResetQuery,
  StartReset,
  TaskPage,
  TaskQuery,
} from '#protocol';
import * as z from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { ApiError } from '../../service/errors.ts';
import type { EventStreams } from '../event-streams.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const PATH = `${API_PREFIX}/resets`;
const Params = z.object({ id: ResetId });
const tag = 'resets';
type Resets = RouteDeps['services']['resets'];

export function resetRoutes({
  services: { resets },
  streams,
}: Pick<RouteDeps, 'services' | 'streams'>): readonly Route[] {
  return [...askingRoutes(resets), ...holdingRoutes(resets), ...readingRoutes(resets), eventsRoute(resets, streams)];
}

function askingRoutes(resets: Resets): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: `${PATH}/plan`,
      access: 'reset.plan',
      limit: 'reset',
      tag,
      summary: 'Plan a reset',
      description: 'Who would be reset, to which keys the password is to be sealed, who is blocked and why.',
      body: PlanReset,
      responses: { 200: { description: 'The plan. Nothing else has changed.', schema: ResetPlan } },
      errors: ['instance-not-found', 'no-targets', 'too-many-targets', 'os-mixed', 'reset-not-found'],
      handle: async ({ actor, body }) => ({ status: 200, body: await resets.plan(actor, body) }),
    }),
    route({
      method: 'POST',
      path: PATH,
      access: 'reset.start',
      limit: 'reset',
      tag,
      summary: 'Start a planned reset',
      description: 'Takes the sealed passwords, in one request or in chunks. Nothing starts before the final one.',
      body: StartReset,
      responses: {
        201: { description: 'The reset has started.', schema: Reset },
        202: { description: 'The chunk was taken; send the next.', schema: ChunkAccepted },
      },
      errors: [
        'reset-not-planned',
        'instance-not-found',
        'targets-blocked',
        'targets-incomplete',
        'target-unplanned',
        'agent-key-changed',
        'reset-lifetime-invalid',
        'os-mixed',
        'account-not-authorised',
      ],
      handle: async ({ actor, body, arrivedAt }) => {
        const outcome = await resets.start(actor, body, arrivedAt);
        return outcome.done ? { status: 201, body: outcome.reset } : { status: 202, body: outcome.chunk };
      },
    }),
    route({
      method: 'POST',
      path: `${PATH}/:id/cancel`,
      access: 'reset.cancel',
      tag,
      summary: 'Cancel what has not been handed to an instance yet',
      params: Params,
      responses: { 200: { description: 'How much was cancelled.', schema: CancelledReset } },
      errors: ['reset-not-found', 'reset-finished'],
      handle: async ({ actor, params }) => ({ status: 200, body: await resets.cancel(actor, params.id) }),
    }),
  ];
}

function holdingRoutes(resets: Resets): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: `${PATH}/:id/pause`,
      access: 'reset.pause',
      tag,
      summary: 'Send nothing more of a reset until it is resumed',
      description:
        'What is with an instance comes to its end (`inFlight`). `notAfter` stands: what was not sent by then expires.',
      params: Params,
      responses: { 200: { description: 'The reset, paused.', schema: Reset } },
      errors: ['reset-not-found', 'reset-finished', 'reset-stopped'],
      handle: async ({ actor, params }) => ({ status: 200, body: await resets.pause(actor, params.id) }),
    }),
    route({
      method: 'POST',
      path: `${PATH}/:id/resume`,
      access: 'reset.resume',
      tag,
      summary: 'Go on with a paused reset',
      params: Params,
      responses: { 200: { description: 'The reset, going on.', schema: Reset } },
      errors: ['reset-not-found', 'reset-finished', 'reset-stopped'],
      handle: async ({ actor, params }) => ({ status: 200, body: await resets.resume(actor, params.id) }),
    }),
  ];
}

function readingRoutes(resets: Resets): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      access: 'reset.read',
      tag,
      summary: 'List resets',
      description: 'Newest first.',
      query: ResetQuery,
      responses: { 200: { description: 'A page of resets.', schema: ResetPage } },
      handle: async ({ actor, query }) => ({ status: 200, body: await resets.list(actor, query) }),
    }),
    route({
      method: 'GET',
      path: `${PATH}/:id`,
      access: 'reset.read',
      tag,
      summary: 'Show a reset',
      params: Params,
      responses: { 200: { description: 'The reset, with how many of its tasks stand where.', schema: Reset } },
      errors: ['reset-not-found'],
      handle: async ({ actor, params }) => ({ status: 200, body: await resets.get(actor, params.id) }),
    }),
    route({
      method: 'GET',
      path: `${PATH}/:id/tasks`,
      access: 'reset.read',
      tag,
      summary: 'List the tasks of a reset, one an instance',
      params: Params,
      query: TaskQuery,
      responses: { 200: { description: 'A page of tasks.', schema: TaskPage } },
      errors: ['reset-not-found'],
      handle: async ({ actor, params, query }) => ({
        status: 200,
        body: await resets.tasks(actor, params.id, query),
      }),
    }),
  ];
}

function eventsRoute(resets: Resets, streams: EventStreams): Route {
  return route({
    method: 'GET',
    path: `${PATH}/:id/events`,
    access: 'reset.read',
    tag,
    summary: 'Follow a reset',
    description:
      'Server-sent events named `progress`: first the state as it is, then every change, at most ten events a second of ' +
      'at most 512 KiB. Whoever comes back gets the state as it is again. Ends when the reset is finished. ' +
      'An event named `still-here` comes first and then after every 15 s in which nothing else did.',
    params: Params,
    responses: { 200: { description: 'The stream.', schema: z.string(), contentType: 'text/event-stream' } },
    errors: ['reset-not-found', 'rate-limited'],
    handle: async ({ actor, params, signal }) => {
      // Refusals need a status, which is sent before the first event.
      await resets.get(actor, params.id);
      const events = streams.open(actor, 'progress', (until) => progress(resets, actor, params.id, until), signal());
      if (events === null) throw new ApiError('rate-limited', { retryAfterSeconds: 30 });
      return {
        status: 200,
        contentType: 'text/event-stream',
        // For nginx, which would otherwise keep events back until it has a buffer full of them.
        headers: { 'x-accel-buffering': 'no' },
        payload: Readable.from(events),
      };
    },
  });
}

async function* progress(resets: Resets, actor: Actor, id: ResetId, until: AbortSignal) {
  for await (const event of resets.watch(actor, id, until)) yield z.encode(ProgressEvent, event);
}
