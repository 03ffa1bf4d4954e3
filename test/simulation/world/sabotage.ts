import type { AgentOptions } from '../../../agent/agent.ts';
import type { CoreDeps } from '../../../control-plane/server/core.ts';
import { cleanUpAfterRestore } from '../../../control-plane/server/service/restore.ts';

/** Breaks a part on purpose, at its ports: what the checks are worth shows in worlds in which something is wrong. */
export interface Sabotage {
  /** The ports of one process of an agent. */
  readonly agent: (ports: AgentOptions) => AgentOptions;
  /** The ports of one process of the control plane. */
  readonly server: (ports: CoreDeps) => CoreDeps;
  /** What is done to a store that was restored. */
  readonly cleanUp: (...parameters: Parameters<typeof cleanUpAfterRestore>) => Promise<unknown>;
}

export const NO_SABOTAGE: Sabotage = {
  agent: (ports) => ports,
  server: (ports) => ports,
  cleanUp: cleanUpAfterRestore,
};
