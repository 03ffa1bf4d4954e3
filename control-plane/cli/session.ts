import { createApiClient } from './api/client.ts';
import { createRoutes, type Routes } from './api/routes.ts';
import type { ConnectionFlags } from './config/config.ts';
import { loadConnection } from './config/load.ts';
import type { Ports } from './ports.ts';

/** One command's connection to its control plane. */
export interface Session {
  readonly routes: Routes;
  /** URL of the control plane, as pins name it. */
  readonly server: string;
}

/** Runs with a connection that is closed afterwards, whatever happens. */
export async function withSession<T>(
  flags: ConnectionFlags,
  ports: Ports,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const options = await loadConnection(flags, ports);
  const transport = await ports.connect(options);
  try {
    return await run({ routes: createRoutes(createApiClient(transport)), server: options.url });
  } finally {
    await transport.close();
  }
}
