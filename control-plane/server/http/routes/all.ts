import type { Route } from '../route.ts';
import { agentRoutes } from './agents.ts';
import { auditRoutes } from './audit.ts';
import { consoleFileRoutes } from './console-files.ts';
import { consoleRoutes } from './console.ts';
import type { RouteDeps } from './deps.ts';
import { instanceRoutes } from './instances.ts';
import { overviewRoutes } from './overview.ts';
import { projectRoutes } from './projects.ts';
import { releaseRoutes } from './releases.ts';
import { resetRoutes } from './resets.ts';
import { systemRoutes } from './system.ts';
import { tokenRoutes } from './tokens.ts';

/** Every route there is. */
export function allRoutes(deps: RouteDeps): readonly Route[] {
  return [
    ...systemRoutes(deps),
    ...instanceRoutes(deps),
    ...projectRoutes(deps),
    ...resetRoutes(deps),
    ...tokenRoutes(deps),
    ...auditRoutes(deps),
    ...consoleRoutes(deps),
    ...overviewRoutes(deps),
    ...consoleFileRoutes(deps),
    ...agentRoutes(deps),
    ...releaseRoutes(deps),
  ];
}
