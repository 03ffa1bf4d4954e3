import {
  API_CODES,
  AuditPage,
  AuditRecord,
  CertificateAuthority,
  ErrorBody,
  explain,
  Instance,
  InstancePage,
  Project,
  ProjectList,
  Reset,
  ResetPage,
  ResetPlan,
  Task,
  TaskPage,
  Token,
  TokenPage,
  type ApiCode,
} from '#protocol';
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import * as z from 'zod';
import { TAGS, type Route } from './route.ts';

/** Schemas that the document names once and refers to. */
const NAMED = {
  AuditPage,
  AuditRecord,
  CertificateAuthority,
  Error: ErrorBody,
  Instance,
  InstancePage,
  Project,
  ProjectList,
  Reset,
  ResetPage,
  ResetPlan,
  Task,
  TaskPage,
  Token,
  TokenPage,
};

const DESCRIPTION = `Resets the password of any instance, with proof that the new one works.

Send \`authorization: Bearer TOKEN\` with every request that is not marked as public. A reset takes two steps: plan it,
seal the password to the key of each planned instance, and start it with the ciphertexts. The control plane never sees a
password. Every error has the same shape; its code is stable, its sentences are for people.`;

export function openApiOptions(): FastifyDynamicSwaggerOptions {
  const schemaRegistry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) schemaRegistry.add(schema, { id });
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Latchkey',
        description: DESCRIPTION,
        version: '1',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token: lk_<id>_<secret>.' },
        },
      },
    },
    transform: createJsonSchemaTransform({ schemaRegistry }),
    transformObject: createJsonSchemaTransformObject({ schemaRegistry }),
  };
}

/** What the framework and the document want to know of a route. */
export function schemaOf(route: Route): FastifySchema {
  const isPublic = route.access === 'public';
  return {
    ...(route.params === undefined ? {} : { params: route.params }),
    ...(route.query === undefined ? {} : { querystring: route.query }),
    ...(route.body === undefined ? {} : { body: route.body }),
    response: { ...successes(route), ...failures(route) },
    summary: route.summary,
    description: [route.description, isPublic ? 'Public.' : `Needs the right \`${route.access}\`.`]
      .filter((sentence) => sentence !== undefined)
      .join('\n\n'),
    operationId: operationId(route),
    tags: [route.tag],
    security: isPublic ? [] : [{ token: [] }],
  };
}

function operationId({ method, path }: Route): string {
  const words = path
    .replace('/api/v1/', '')
    .replace('*', 'any')
    .split(/[^A-Za-z0-9]+/);
  const camel = words.filter((word) => word !== '').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return method.toLowerCase() + camel.join('');
}

function successes(route: Route): Record<string, unknown> {
  const entries = Object.entries(route.responses).map(([status, { description, schema, contentType }]) => {
    // An answer without a body has no content to describe.
    if (schema instanceof z.ZodUndefined) return [status, schema.describe(description)];
    return [status, { description, content: { [contentType ?? 'application/json']: { schema } } }];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function failures(route: Route): Record<string, unknown> {
  const byStatus = Map.groupBy(new Set(codesOf(route)), (code) => API_CODES[code].status);
  const entries = [...byStatus].map(([status, codes]) => {
    const description = codes.map((code) => `\`${code}\`: ${explain(code).message}`).join('\n\n');
    return [String(status), { description, content: { 'application/json': { schema: ErrorBody } } }];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** Every code that a route answers with, those that come with its kind included. */
function codesOf(route: Route): readonly ApiCode[] {
  const takesInput = route.params !== undefined || route.query !== undefined || route.body !== undefined;
  return [
    ...(takesInput ? (['body-malformed'] as const) : []),
    ...(route.body === undefined ? [] : (['body-too-large', 'media-type-unsupported'] as const)),
    ...(route.access === 'public' ? [] : (['unauthenticated', 'not-authorised', 'rate-limited'] as const)),
    ...(route.limit === undefined ? [] : (['rate-limited'] as const)),
    ...(route.errors ?? []),
    'internal-error',
    'shutting-down',
  ];
}
