import { CLAIM_CHARS_MAX } from '#protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { schemaOf } from './openapi.ts';
import type { RequestStates } from './request-state.ts';
import type { JsonAnswer, RawAnswer, Route } from './route.ts';

/** Registers every route with the framework. What is registered otherwise has no access, and is refused. */
export function registerRoutes(
  app: FastifyInstance,
  routes: readonly Route[],
  deps: { readonly states: RequestStates; readonly closing: AbortSignal },
): { routeOf(request: FastifyRequest): Route | null } {
  const byPattern = new Map<string, Route>();
  for (const route of routes) {
    byPattern.set(`${route.method} ${route.path}`, route);
    app.route({
      method: route.method,
      url: route.path,
      schema: schemaOf(route),
      handler: (request, reply) => answer(route, request, reply, deps),
    });
  }
  return {
    routeOf(request) {
      if (request.is404) return null;
      const route = byPattern.get(`${request.method} ${request.routeOptions.url ?? ''}`);
      if (route === undefined) throw new Error(`${request.routeOptions.url ?? ''} was registered without an access`);
      return route;
    },
  };
}

async function answer(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  { states, closing }: { readonly states: RequestStates; readonly closing: AbortSignal },
): Promise<FastifyReply> {
  const { actor, arrivedAt, source, csrfToken } = states.get(request);
  // Admission sets the actor of every route that is not public. Checked once more where it counts.
  if (route.access !== 'public' && actor === null) throw new Error(`${route.path} was reached without an actor`);
  const given = await route.handle({
    actor,
    arrivedAt,
    source,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, CLAIM_CHARS_MAX),
    headers: {
      acceptEncoding: one(request.headers['accept-encoding']),
      ifNoneMatch: one(request.headers['if-none-match']),
    },
    csrfToken,
    params: request.params,
    query: request.query,
    body: request.body,
    signal: () => signalOf(reply, closing),
  });
  if (isRaw(given)) {
    return reply
      .code(given.status)
      .headers(given.headers ?? {})
      .type(given.contentType)
      .send(given.payload);
  }
  reply.headers(given.headers ?? {});
  if (given.body === undefined) return reply.code(given.status).send();
  return reply.code(given.status).type('application/json').send(given.body);
}

function one(header: string | readonly string[] | undefined): string {
  return header === undefined ? '' : String(header);
}

function isRaw(given: JsonAnswer | RawAnswer): given is RawAnswer {
  return 'payload' in given;
}

/** Aborts once the connection is gone or the server goes down. */
function signalOf(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, closing]);
}
