import type { AuditService } from '../../service/audit-service.ts';
import type { ConsoleSessionService } from '../../service/console-session-service.ts';
import type { EnrolmentService } from '../../service/enrolment-service.ts';
import type { InstallService } from '../../service/install-service.ts';
import type { InstanceService } from '../../service/instance-service.ts';
import type { Clock } from '../../service/ports.ts';
import type { ProjectService } from '../../service/project-service.ts';
import type { ResetService } from '../../service/reset-service.ts';
import type { TokenService } from '../../service/token-service.ts';
import type { Changes } from '../../service/changes.ts';
import type { OverviewService } from '../../service/overview-service.ts';
import type { SettingsService } from '../../service/settings-service.ts';
import type { EventStreams } from '../event-streams.ts';
import type { Limiters } from '../admission.ts';
import type { Metrics } from '../metrics.ts';
import type { ConsoleFiles } from './console-files.ts';
import type { ReleaseCatalogue } from '../../releases/catalogue.ts';

/** What routes hand their requests to. */
export interface RouteServices {
  readonly instances: InstanceService;
  readonly projects: ProjectService;
  readonly tokens: TokenService;
  readonly consoleSessions: ConsoleSessionService;
  readonly enrolment: EnrolmentService;
  readonly installs: InstallService;
  readonly audit: AuditService;
  readonly resets: ResetService;
}

/** What routes are made of; each takes its part. */
export interface RouteDeps {
  readonly services: RouteServices;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly streams: EventStreams;
  readonly changes: Pick<Changes, 'watch'>;
  readonly overview: OverviewService;
  readonly settings: SettingsService;
  /** Null when it is not built. */
  readonly console: ConsoleFiles | null;
  readonly limiters: Limiters;
  readonly storeAnswers: () => Promise<boolean>;
  readonly caPem: string | null;
  readonly releases: ReleaseCatalogue;
  /** The text of `scripts/instance/install-linux.sh`. */
  readonly installScript: string;
  readonly config: { readonly metrics: boolean };
  /** The OpenAPI document, as text. */
  readonly document: () => string;
  readonly closing: AbortSignal;
}
