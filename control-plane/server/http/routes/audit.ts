import { API_PREFIX, AuditPage, AuditQuery } from '#protocol';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

export function auditRoutes({ services: { audit } }: Pick<RouteDeps, 'services'>): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: `${API_PREFIX}/audit`,
      access: 'audit.read',
      tag: 'audit',
      summary: 'List audit records',
      description: 'Newest first.',
      query: AuditQuery,
      responses: { 200: { description: 'A page of records.', schema: AuditPage } },
      handle: async ({ actor, query }) => ({ status: 200, body: await audit.list(actor, query) }),
    }),
  ];
}
