import { AddProject, API_PREFIX, ChangeService, Project, ProjectList, ProjectName, ServiceStatement } from '#protocol';
import * as z from 'zod';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const tag = 'projects';

export function projectRoutes({ services: { projects } }: Pick<RouteDeps, 'services'>): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: `${API_PREFIX}/projects`,
      access: 'project.read',
      tag,
      summary: 'List projects',
      responses: { 200: { description: 'The projects that the token may see.', schema: ProjectList } },
      handle: async ({ actor }) => ({ status: 200, body: await projects.list(actor) }),
    }),
    route({
      method: 'POST',
      path: `${API_PREFIX}/projects`,
      access: 'project.add',
      tag,
      summary: 'Add a project',
      description: 'Online reset is disabled in it. One that is there already stays as it is.',
      body: AddProject,
      responses: { 201: { description: 'The new project.', schema: Project } },
      errors: ['project-exists'],
      handle: async ({ actor, body }) => ({ status: 201, body: await projects.add(actor, body.name) }),
    }),
    route({
      method: 'PUT',
      path: `${API_PREFIX}/projects/:name/service`,
      access: 'service.change',
      tag,
      summary: 'Enable online reset for a project, or disable it',
      description:
        'Enabling accepts the service statement of that version. A project that is not there yet is made, so that one command ' +
        'is enough for a first one; to make one and change none, add it.',
      params: z.object({ name: ProjectName }),
      body: ChangeService,
      responses: { 200: { description: 'The project as it is now.', schema: Project } },
      errors: ['statement-version-mismatch'],
      handle: async ({ actor, params, body }) => ({
        status: 200,
        body: await projects.changeService(actor, params.name, body),
      }),
    }),
    route({
      method: 'GET',
      path: `${API_PREFIX}/service-statement`,
      access: 'project.read',
      tag,
      summary: 'Read the service statement',
      description: 'What online reset does and sees; to be accepted when it is enabled.',
      responses: { 200: { description: 'The current statement.', schema: ServiceStatement } },
      handle: async ({ actor }) => ({ status: 200, body: await projects.statement(actor) }),
    }),
  ];
}
