import {
  API_PREFIX,
  CreatedToken,
  CreateToken,
  PageQuery,
  RevokedTokens,
  RevokeTokenQuery,
  TokenId,
  TokenPage,
  WhoAmI,
} from '#protocol';
import * as z from 'zod';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const PATH = `${API_PREFIX}/tokens`;
const tag = 'tokens';

export function tokenRoutes({ services: { tokens } }: Pick<RouteDeps, 'services'>): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      access: 'token.read',
      tag,
      summary: 'List tokens, without their secrets',
      query: PageQuery,
      responses: { 200: { description: 'A page of tokens, newest first.', schema: TokenPage } },
      handle: async ({ actor, query }) => ({ status: 200, body: await tokens.list(actor, query) }),
    }),
    route({
      method: 'POST',
      path: PATH,
      // The lesser of the two rights that this takes; API tokens are decided on by the service.
      access: 'join-token.create',
      tag,
      summary: 'Create a token',
      description:
        'An API token needs the right `token.create`, and may not do more than its creator. A join token that replaces ' +
        'the identity of an instance takes a creator who may reset every account. The secret is in this answer and ' +
        'nowhere else.',
      body: CreateToken,
      responses: { 201: { description: 'The new token.', schema: CreatedToken } },
      errors: ['instance-not-found', 'instance-already-enrolled', 'project-not-found'],
      handle: async ({ actor, body }) => ({ status: 201, body: await tokens.create(actor, body) }),
    }),
    route({
      method: 'DELETE',
      path: `${PATH}/:id`,
      access: 'token.revoke',
      tag,
      summary: 'Revoke a token, at once and for good',
      description:
        'What was made with a token outlives it, up to its end. With `descendants=true` all of that is revoked as well, ' +
        'also where the token itself was revoked before. Instances that have joined stay.',
      params: z.object({ id: TokenId }),
      query: RevokeTokenQuery,
      responses: {
        200: { description: 'With `descendants=true`: what is worthless now.', schema: RevokedTokens },
        204: { description: 'It lets nobody in any more.', schema: z.undefined() },
      },
      errors: ['token-not-found'],
      handle: async ({ actor, params, query }) => {
        const descendants = query.descendants === 'true';
        const revoked = await tokens.revoke(actor, params.id, { descendants });
        return descendants ? { status: 200, body: { revoked } } : { status: 204, body: undefined };
      },
    }),
    route({
      method: 'GET',
      path: `${API_PREFIX}/whoami`,
      access: 'self.read',
      tag,
      summary: 'What this token may do',
      responses: { 200: { description: 'The holder of the token.', schema: WhoAmI } },
      handle: async ({ actor: { tokenId, name, role, projects, accounts, privileged } }) => ({
        status: 200,
        body: { tokenId, name, role, projects, accounts, privileged },
      }),
    }),
  ];
}
