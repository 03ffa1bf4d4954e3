import Fastify, { type FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';
import { HTTP_SERVER_OPTIONS } from './server-options.ts';

/**
 * Metrics on a listener of their own, which asks for no token: it is bound to loopback or to a network of the
 * monitoring. Nothing else is served there.
 */
export function createMetricsApp(metrics: Metrics): FastifyInstance {
  const { keepAliveTimeout, requestTimeout } = HTTP_SERVER_OPTIONS;
  const app = Fastify({ logger: false, http: HTTP_SERVER_OPTIONS, keepAliveTimeout, requestTimeout, bodyLimit: 1 });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics.expose();
    return reply.type(contentType).header('cache-control', 'no-store').send(text);
  });
  return app;
}
