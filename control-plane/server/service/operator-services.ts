import type { Signed, Verify } from '#protocol';
import type { Store } from '../store/store.ts';
import { createAuditService, type AuditService } from './audit-service.ts';
import { createConsoleSessionService, type ConsoleSessionService } from './console-session-service.ts';
import { createEnrolmentService, type EnrolmentService } from './enrolment-service.ts';
import type { Gate } from './gate.ts';
import { createInstallService, type InstallService } from './install-service.ts';
import { createInstanceService, type InstanceService, type Sessions } from './instance-service.ts';
import type { Clock, Hash, Log, Random } from './ports.ts';
import { createProjectService, type ProjectService } from './project-service.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import type { JoinTrust } from './token-creation.ts';
import { createTokenService, type TokenService } from './token-service.ts';

export interface OperatorServicesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly verify: Verify;
  readonly log: Log;
  readonly gate: Gate;
  readonly refusals: RefusalCounter;
  readonly sessions: Sessions;
  readonly joinTrust: JoinTrust;
  /** The current key set, signed by the script key that `joinTrust` names. */
  readonly keySet: () => Signed;
}

/** Everything that operators and joining agents ask for, resets aside. */
export interface OperatorServices {
  readonly instances: InstanceService;
  readonly projects: ProjectService;
  readonly tokens: TokenService;
  readonly consoleSessions: ConsoleSessionService;
  readonly enrolment: EnrolmentService;
  readonly installs: InstallService;
  readonly audit: AuditService;
  /** Resolves once nothing is left to be written that no answer waits for: before the store is closed. */
  settled(): Promise<void>;
}

export function createOperatorServices(deps: OperatorServicesDeps): OperatorServices {
  const audit = createAuditService(deps);
  const tokens = createTokenService(deps);
  const consoleSessions = createConsoleSessionService(deps);
  const installs = createInstallService({ ...deps, audit });
  return {
    audit,
    tokens,
    consoleSessions,
    installs,
    instances: createInstanceService(deps),
    projects: createProjectService(deps),
    enrolment: createEnrolmentService({ ...deps, audit }),
    settled: async () => {
      await Promise.all([deps.refusals.settled(), tokens.settled(), consoleSessions.settled(), installs.settled()]);
    },
  };
}
