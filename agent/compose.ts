import { existsSync } from 'node:fs';
import { createAgent, type Agent } from './agent.ts';
import { createLinuxInstance, type LinuxInstance } from './linux-instance.ts';
import { systemClock, systemRandom } from './node/clock.ts';
import { readEnrolment, type AgentConfig } from './node/config.ts';
import { createAgentCrypto } from './node/crypto.ts';
import { readPolicyFile } from './node/policy-file.ts';
import { whyUnsafeDirectory } from './node/state-directory.ts';
import { createDirectoryStorage, type DirectoryStorage } from './node/storage.ts';
import { createWebSocketTransport } from './node/transport.ts';
import type { AgentCrypto, Log, PublishStatus, ReadPolicy, Transport } from './ports.ts';
import { notEnrolled, stateDamaged, stateDirectoryRefused } from './verbs/failure.ts';
import { AGENT_VERSION } from './version.ts';

/** What a verb on an enrolled instance works with. */
export interface Enrolled {
  readonly directory: string;
  readonly config: AgentConfig;
  readonly storage: DirectoryStorage;
  readonly crypto: AgentCrypto;
  readonly transport: Transport;
}

/** Opens the state directory of an enrolled instance; a `VerbError` says what is wrong with it. */
export async function openEnrolled(directory: string, environment: NodeJS.ProcessEnv): Promise<Enrolled> {
  const problem = existsSync(directory) ? whyUnsafeDirectory(directory) : null;
  if (problem !== null) throw stateDirectoryRefused(problem);
  const storage = createDirectoryStorage(directory);
  const enrolment = await readEnrolment(storage);
  if (!enrolment.ok) {
    if (enrolment.code === 'not-enrolled') throw notEnrolled(directory);
    throw stateDamaged(directory, enrolment.what);
  }
  const { config, identity } = enrolment;
  const transport = createWebSocketTransport({ url: config.url, ca: config.ca, environment });
  return { directory, config, storage, crypto: createAgentCrypto(identity), transport };
}

export interface ComposedAgent {
  readonly agent: Agent;
  readonly instance: LinuxInstance;
}

/** The agent on this machine's clock, network, disk and accounts. */
export function composeAgent(
  enrolled: Enrolled,
  options: {
    readonly log: Log;
    readonly policyFile: string;
    readonly standby: boolean;
    readonly publish?: PublishStatus;
  },
): ComposedAgent {
  const { config, directory } = enrolled;
  const { log, policyFile, standby } = options;
  const instance = createLinuxInstance({ clock: systemClock, random: systemRandom, directory, standby });
  const policy: ReadPolicy = () => {
    const reading = readPolicyFile(policyFile);
    if (reading.ok) return reading.policy;
    log.error({ problem: reading.problem }, 'the local policy is not valid, so no reset is allowed');
    return null;
  };
  const agent = createAgent({
    ...{ clock: systemClock, random: systemRandom, log, policy, instance, agentVersion: AGENT_VERSION },
    ...{ transport: enrolled.transport, storage: enrolled.storage, crypto: enrolled.crypto },
    ...{ instanceId: config.instanceId, serverId: config.serverId },
    ...(options.publish === undefined ? {} : { publish: options.publish }),
  });
  return { agent, instance };
}
