import { API_PREFIX, INSTALL_SCRIPT_PATH, InstallProgress, ReleaseList } from '#protocol';
import * as z from 'zod';
import { sha256Sync } from '../../runtime.ts';
import { ApiError } from '../../service/errors.ts';
import { FAILED_ENROLMENT_COST } from '../rate-limits.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const tag = 'agents';

/** What a host needs to install the agent. All of it is public: what it is worth is checked by whoever fetches it. */
export function releaseRoutes(
  deps: Pick<RouteDeps, 'services' | 'limiters' | 'metrics' | 'releases' | 'installScript'>,
): readonly Route[] {
  const { services, limiters, metrics, releases, installScript } = deps;
  const scriptDigest = sha256Sync(Buffer.from(installScript));
  return [
    route({
      method: 'GET',
      path: INSTALL_SCRIPT_PATH,
      access: 'public',
      tag,
      summary: 'The script that installs the agent on Linux',
      description: 'Static, without secrets. The line that "latchkey agents install-command" prints knows its hash.',
      responses: { 200: { description: 'A POSIX shell script.', schema: z.string(), contentType: 'text/plain' } },
      handle: async () => ({ status: 200, contentType: 'text/plain; charset=utf-8', payload: installScript }),
    }),
    route({
      method: 'GET',
      path: `${API_PREFIX}/releases`,
      access: 'public',
      tag,
      summary: 'The signed releases of the agent',
      description: 'Newest first. Each is to be believed by the key of its maker, not because it stands here.',
      responses: { 200: { description: 'Statements with their signatures.', schema: ReleaseList } },
      handle: async () => ({ status: 200, body: { items: await releases.list(), installScript: scriptDigest } }),
    }),
    route({
      method: 'GET',
      path: `${API_PREFIX}/releases/:archive`,
      access: 'public',
      // Large, and for anybody: a source gets as many as it may try to join.
      limit: 'enrolment',
      tag,
      summary: 'The archive of a release',
      params: z.object({ archive: z.string().max(100) }),
      responses: { 200: { description: 'The archive.', schema: z.string(), contentType: 'application/gzip' } },
      errors: ['release-not-found'],
      handle: async ({ params }) => {
        const found = await releases.open(params.archive);
        if (found === null) throw new ApiError('release-not-found');
        const headers = { 'content-length': String(found.bytes) };
        return { status: 200, contentType: 'application/gzip', headers, payload: found.stream };
      },
    }),
    route({
      method: 'POST',
      path: `${API_PREFIX}/agents/install-progress`,
      access: 'public',
      limit: 'enrolment',
      tag,
      summary: 'How an installation goes',
      description: 'Said by the installer on the host; the join token is the credential.',
      body: InstallProgress,
      responses: { 204: { description: 'It was heard.', schema: z.undefined() } },
      errors: ['join-token-invalid', 'join-token-expired'],
      handle: async ({ body, source }) => {
        try {
          await services.installs.progress(body, source);
        } catch (error) {
          if (error instanceof ApiError && error.status === 401) {
            limiters.enrolment.charge(source, FAILED_ENROLMENT_COST);
            metrics.refused(error.code);
          }
          throw error;
        }
        return { status: 204, body: undefined };
      },
    }),
  ];
}
