import type { Clock } from '../../service/ports.ts';
import type { AuditService } from '../../service/audit-service.ts';
import type { EnrolmentService } from '../../service/enrolment-service.ts';
import type { InstanceService } from '../../service/instance-service.ts';
import type { ProjectService } from '../../service/project-service.ts';
import type { ResetService } from '../../service/reset-service.ts';
import type { TokenService } from '../../service/token-service.ts';
import type { Limiters } from '../admission.ts';
import type { Metrics } from '../metrics.ts';
import type { Route } from '../route.ts';
import { agentRoutes } from './agents.ts';
import { auditRoutes } from './audit.ts';
import { instanceRoutes } from './instances.ts';
import { projectRoutes } from './projects.ts';
import { resetRoutes } from './resets.ts';
import { systemRoutes } from './system.ts';
import { tokenRoutes } from './tokens.ts';

export interface RouteServices {
  readonly instances: InstanceService;
  readonly projects: ProjectService;
  readonly tokens: TokenService;
  readonly enrolment: EnrolmentService;
  readonly audit: AuditService;
  readonly resets: ResetService;
}

export interface RouteDeps {
  readonly services: RouteServices;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly limiters: Limiters;
  readonly readiness: () => Promise<'ready' | 'not-ready' | 'shutting-down'>;
  readonly caPem: string | null;
  readonly config: { readonly metrics: boolean };
  /** The OpenAPI document, as text. */
  readonly document: () => string;
  readonly closing: AbortSignal;
}

/** Every route there is. */
export function allRoutes(deps: RouteDeps): readonly Route[] {
  return [
    ...systemRoutes(deps),
    ...instanceRoutes(deps),
    ...projectRoutes(deps),
    ...resetRoutes(deps),
    ...tokenRoutes(deps),
    ...auditRoutes(deps),
    ...agentRoutes(deps),
  ];
}
