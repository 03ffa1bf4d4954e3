import { startMeshCentral } from '../rivals/meshcentral.ts';
import { ACCOUNT, type Fleet } from './hosts.ts';
import type { Method } from './method.ts';
import { pooled } from './pool.ts';

const STARTED_AT_ONCE = 8;

/** MeshCentral's agent on every host, and its way to run a command as root, asked over its console's WebSocket. */
export async function meshMethod({ hosts }: Fleet, directory: string, stack: AsyncDisposableStack): Promise<Method> {
  const server = stack.use(await startMeshCentral(directory));
  const agents = await pooled(hosts, STARTED_AT_ONCE, ({ host }) => server.startAgent(host));
  return {
    name: `MeshCentral ${server.version}, chpasswd, all at once`,
    verified: false,
    async setAll(password) {
      const shell = `printf '%s\\n' '${ACCOUNT}:${password}' | chpasswd && echo set`;
      await Promise.all(
        agents.map(async ({ nodeId }) => {
          const said = await server.control.command(nodeId, shell);
          if (said.trim() !== 'set') throw new Error(`MeshCentral's command says: ${said}`);
        }),
      );
    },
  };
}
