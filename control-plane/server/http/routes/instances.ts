import {
  AddInstance,
  API_PREFIX,
  ChangeInstance,
  ImportedInstances,
  ImportInstances,
  Instance,
  InstanceId,
  InstanceName,
  InstancePage,
  InstanceQuery,
} from '#protocol';
import * as z from 'zod';
import type { InstanceService } from '../../service/instance-service.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const PATH = `${API_PREFIX}/instances`;
const Params = z.object({ id: z.union([InstanceId, InstanceName]).describe('Id or name of an instance') });
const tag = 'instances';

export function instanceRoutes({ services: { instances } }: Pick<RouteDeps, 'services'>): readonly Route[] {
  return [...fleetRoutes(instances), ...singleRoutes(instances)];
}

function fleetRoutes(instances: InstanceService): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      access: 'instance.read',
      tag,
      summary: 'List instances',
      description: 'By name, those that the token may see. Filters are joined by "and".',
      query: InstanceQuery,
      responses: { 200: { description: 'A page of instances.', schema: InstancePage } },
      handle: async ({ actor, query }) => ({ status: 200, body: await instances.list(actor, query) }),
    }),
    route({
      method: 'POST',
      path: PATH,
      access: 'instance.add',
      tag,
      summary: 'Add an instance that has no agent yet',
      body: AddInstance,
      responses: { 201: { description: 'The new instance.', schema: Instance } },
      errors: ['instance-name-taken', 'project-not-found'],
      handle: async ({ actor, body }) => ({ status: 201, body: await instances.add(actor, body) }),
    }),
    route({
      method: 'POST',
      path: `${PATH}/import`,
      access: 'instance.add',
      tag,
      summary: 'Add many instances, all or none',
      body: ImportInstances,
      responses: { 201: { description: 'How many were added.', schema: ImportedInstances } },
      errors: ['instance-name-taken', 'project-not-found'],
      handle: async ({ actor, body }) => ({ status: 201, body: await instances.import(actor, body) }),
    }),
  ];
}

function singleRoutes(instances: InstanceService): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: `${PATH}/:id`,
      access: 'instance.read',
      tag,
      summary: 'Show an instance',
      params: Params,
      responses: { 200: { description: 'The instance.', schema: Instance } },
      errors: ['instance-not-found'],
      handle: async ({ actor, params }) => ({ status: 200, body: await instances.get(actor, params.id) }),
    }),
    route({
      method: 'PATCH',
      path: `${PATH}/:id`,
      access: 'instance.change',
      tag,
      summary: 'Rename, move, tag an instance, or state its power',
      description: 'A move to another project takes rights in both.',
      params: Params,
      body: ChangeInstance,
      responses: { 200: { description: 'The instance as it is now.', schema: Instance } },
      errors: ['instance-not-found', 'instance-name-taken', 'project-not-found'],
      handle: async ({ actor, params, body }) => ({
        status: 200,
        body: await instances.change(actor, params.id, body),
      }),
    }),
    route({
      method: 'DELETE',
      path: `${PATH}/:id`,
      access: 'instance.remove',
      tag,
      summary: 'Remove an instance, and end the session of its agent',
      params: Params,
      responses: { 204: { description: 'It is gone.', schema: z.undefined() } },
      errors: ['instance-not-found', 'instance-has-tasks'],
      handle: async ({ actor, params }) => {
        await instances.remove(actor, params.id);
        return { status: 204, body: undefined };
      },
    }),
  ];
}
