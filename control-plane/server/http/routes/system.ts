import { API_PREFIX } from '#protocol';
import * as z from 'zod';
import { ApiError } from '../../service/errors.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const Health = z.object({ status: z.literal('alive') });
const Readiness = z.object({ status: z.literal('ready') });

export function systemRoutes(
  deps: Pick<RouteDeps, 'storeAnswers' | 'document' | 'metrics' | 'config' | 'closing'>,
): readonly Route[] {
  let document: string | null = null;
  const metrics = route({
    method: 'GET',
    path: '/metrics',
    access: 'metrics.read',
    tag: 'system',
    summary: 'Figures for a Prometheus',
    responses: {
      200: { description: 'Text exposition format.', schema: z.string(), contentType: 'text/plain' },
    },
    handle: async () => {
      const { contentType, text } = await deps.metrics.expose();
      return { status: 200, contentType, payload: text };
    },
  });
  return [
    route({
      method: 'GET',
      path: '/healthz',
      access: 'public',
      tag: 'system',
      summary: 'Whether the process answers',
      responses: { 200: { description: 'It does.', schema: Health } },
      handle: async () => ({ status: 200, body: { status: 'alive' as const } }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      access: 'public',
      tag: 'system',
      summary: 'Whether the control plane takes work',
      responses: { 200: { description: 'It does.', schema: Readiness } },
      errors: ['not-ready', 'shutting-down'],
      handle: async () => {
        if (deps.closing.aborted) throw new ApiError('shutting-down', { retryAfterSeconds: 5 });
        if (!(await deps.storeAnswers())) throw new ApiError('not-ready', { retryAfterSeconds: 5 });
        return { status: 200, body: { status: 'ready' as const } };
      },
    }),
    route({
      method: 'GET',
      path: `${API_PREFIX}/openapi.json`,
      access: 'public',
      tag: 'system',
      summary: 'This API as an OpenAPI 3.1 document',
      responses: { 200: { description: 'The document.', schema: z.record(z.string(), z.unknown()) } },
      handle: async () => {
        document ??= deps.document();
        return { status: 200, contentType: 'application/json', payload: document };
      },
    }),
    ...(deps.config.metrics ? [metrics] : []),
  ];
}
