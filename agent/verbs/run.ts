import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { close as closeInspector, url as inspectorUrl } from 'node:inspector';
import { flushCompileCache } from 'node:module';
import { composeAgent, openEnrolled } from '../compose.ts';
import type { GoodbyeReason } from '../core/link.ts';
import { TrustMissingError } from '../core/trust.ts';
import { systemClock } from '../node/clock.ts';
import { lockDirectory } from '../node/instance-lock.ts';
import { createLog } from '../node/log.ts';
import { readPolicyFile } from '../node/policy-file.ts';
import { removeLeftovers } from '../node/storage.ts';
import { writeStatusFile } from '../node/status-file.ts';
import { VerbError } from './failure.ts';

export interface RunOptions {
  readonly directory: string;
  readonly policyFile: string;
  readonly standby: boolean;
  readonly environment: NodeJS.ProcessEnv;
}

/** The daemon: resolves when it has been told to end and has ended. */
export async function run(options: RunOptions): Promise<void> {
  forbidInspector();
  const { directory } = options;
  const policy = readPolicyFile(options.policyFile);
  if (!policy.ok) {
    throw new VerbError(
      'policy-invalid',
      policy.problem,
      'Correct the file, as root; without a valid policy nothing runs.',
    );
  }
  const enrolled = await openEnrolled(directory, options.environment);
  const lock = lockDirectory(directory);
  if (!lock.ok) {
    const who = `process ${String(lock.holder.pid)}`;
    throw new VerbError('already-running', `An agent runs on ${directory} already (${who}).`, 'Stop that one first.');
  }
  const log = createLog(() => systemClock.now());
  const { agent, instance } = composeAgent(enrolled, {
    ...options,
    log,
    publish: (status) => writeStatusFile(directory, status),
  });
  try {
    await removeLeftovers(directory);
    await agent.start();
    // Now, since an agent that is killed writes nothing at its end. Where no cache is used, this does nothing.
    flushCompileCache();
    const { instanceId, url } = enrolled.config;
    log.info({ instanceId, url, identity: enrolled.crypto.identity.key }, 'the agent runs');
    await agent.stop(await untilTold());
    log.info({}, 'the agent has ended');
  } catch (error) {
    if (!(error instanceof TrustMissingError)) throw error;
    throw new VerbError(error.code, error.message, 'Re-enrol the instance.', { cause: error });
  } finally {
    instance.close();
    lock.release();
    await enrolled.storage.close();
  }
}

/** No debugger may listen here: its port would hand every password to whoever is on this machine. */
function forbidInspector(): void {
  // A handler of ours takes the place of the runtime's, which would open the inspector.
  process.on('SIGUSR1', () => undefined);
  if (inspectorUrl() !== undefined) closeInspector();
}

function untilTold(): Promise<GoodbyeReason> {
  return new Promise((resolve) => {
    const end = () => resolve(isShuttingDown() ? 'instance-stopping' : 'agent-stopping');
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
  });
}

/** Asked once, at the end: whether only the agent ends, or the machine. */
function isShuttingDown(): boolean {
  if (!existsSync('/run/systemd/system')) return false;
  const { stdout } = spawnSync('systemctl', ['is-system-running'], { encoding: 'utf8', timeout: 2_000 });
  return stdout.trim() === 'stopping';
}
