import * as z from 'zod';
import {
  AuditRecord,
  CancelledReset,
  CertificateAuthority,
  ChunkAccepted,
  CreatedToken,
  ImportedInstances,
  Instance,
  Project,
  ProjectList,
  ProgressEvent,
  Reset,
  ReleaseList,
  ResetPlan,
  RevokedTokens,
  ServiceStatement,
  Task,
  Token,
  WhoAmI,
  type AddInstance,
  type AddProject,
  type ChangeInstance,
  type ChangeService,
  type CreateToken,
  type ImportInstances,
  type InstanceId,
  type PlanReset,
  type ResetId,
  type StartReset,
} from '#protocol';
import { CliError, clientError } from '../errors.ts';
import { segment, type ApiClient, type Query } from './client.ts';

/** The answer to a chunk: more is awaited, or the reset has begun. */
const Started = z.union([Reset, ChunkAccepted]);

/** Every route that the command line uses, in one place. */
export function createRoutes(api: ApiClient) {
  return {
    whoami: () => api.call({ method: 'GET', path: '/whoami' }, WhoAmI),

    instances: {
      list: (query: Query) => api.list('/instances', Instance, query),
      /** By name or id; rejects with `instance-not-found`. */
      find: async (nameOrId: string): Promise<Instance> => {
        const [instance] = await api.list('/instances', Instance, { name: nameOrId }, 1);
        if (instance === undefined) {
          throw clientError('instance-not-found', [
            { subject: nameOrId, code: 'instance-not-found', message: 'no instance has this name or id' },
          ]);
        }
        return instance;
      },
      add: (body: z.input<typeof AddInstance>) => api.call({ method: 'POST', path: '/instances', body }, Instance),
      import: (body: z.input<typeof ImportInstances>) =>
        api.call({ method: 'POST', path: '/instances/import', body }, ImportedInstances),
      change: (id: InstanceId, body: ChangeInstance) =>
        api.call({ method: 'PATCH', path: `/instances/${segment(id)}`, body }, Instance),
      remove: (id: InstanceId) => api.tell({ method: 'DELETE', path: `/instances/${segment(id)}` }),
    },

    resets: {
      plan: (body: PlanReset) => api.call({ method: 'POST', path: '/resets/plan', body }, ResetPlan),
      /** One chunk; the last one answers with the reset. */
      send: (body: StartReset) => api.call({ method: 'POST', path: '/resets', body }, Started),
      list: (rowsMax: number) => api.list('/resets', Reset, {}, rowsMax),
      show: (id: ResetId) => api.call({ method: 'GET', path: `/resets/${segment(id)}` }, Reset),
      tasks: (id: ResetId, query: Query = {}) => api.list(`/resets/${segment(id)}/tasks`, Task, query),
      cancel: (id: ResetId) => api.call({ method: 'POST', path: `/resets/${segment(id)}/cancel` }, CancelledReset),
      pause: (id: ResetId) => api.call({ method: 'POST', path: `/resets/${segment(id)}/pause` }, Reset),
      resume: (id: ResetId) => api.call({ method: 'POST', path: `/resets/${segment(id)}/resume` }, Reset),
      async *events(id: ResetId, signal: AbortSignal): AsyncGenerator<ProgressEvent> {
        for await (const { event, data } of api.events(`/resets/${segment(id)}/events`, signal)) {
          if (event === 'progress') yield readProgress(data);
        }
      },
    },

    tokens: {
      list: () => api.list('/tokens', Token, {}),
      create: (body: CreateToken) => api.call({ method: 'POST', path: '/tokens', body }, CreatedToken),
      revoke: (id: string) => api.tell({ method: 'DELETE', path: `/tokens/${segment(id)}` }),
      /** With all that was made with it; answers with what is worthless now. */
      revokeLine: (id: string) =>
        api.call({ method: 'DELETE', path: `/tokens/${segment(id)}`, query: { descendants: 'true' } }, RevokedTokens),
    },

    releases: {
      list: () => api.call({ method: 'GET', path: '/releases' }, ReleaseList),
      /** PEM of the control plane's own authority; null where it uses a public certificate. */
      authority: () =>
        api.call({ method: 'GET', path: '/ca' }, CertificateAuthority).then(
          ({ pem }) => pem,
          (error: unknown) => {
            if (error instanceof CliError && error.code === 'route-not-found') return null;
            throw error;
          },
        ),
    },

    audit: { list: (query: Query, rowsMax: number) => api.list('/audit', AuditRecord, query, rowsMax) },

    service: {
      list: async () => (await api.call({ method: 'GET', path: '/projects' }, ProjectList)).items,
      statement: () => api.call({ method: 'GET', path: '/service-statement' }, ServiceStatement),
      addProject: (body: AddProject) => api.call({ method: 'POST', path: '/projects', body }, Project),
      change: (project: string, body: ChangeService) =>
        api.call({ method: 'PUT', path: `/projects/${segment(project)}/service`, body }, Project),
    },
  };
}

/** The control plane, as the commands see it. */
export type Routes = ReturnType<typeof createRoutes>;

function readProgress(data: string): ProgressEvent {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    json = undefined;
  }
  const parsed = ProgressEvent.safeParse(json);
  if (!parsed.success) throw clientError('control-plane-answer-invalid', ['An event of the progress cannot be read.']);
  return parsed.data;
}
