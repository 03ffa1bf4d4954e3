import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createLightHost, type LightHost } from '../support/hosts/light.ts';
import { until } from '../support/hosts/until.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import { untilQuiet } from './process-figures.ts';
import { CHECKED_OUT, helperBelow, startAgent, type AgentProcess } from './real-agent.ts';
import { startWorker, type Worker } from './worker-client.ts';

export const ACCOUNT = 'alice';
const STANDING_BY_MS_MAX = 60_000;

/** One throwaway instance with everything that is measured on it, and the control plane of its agents. */
export interface Stage extends AsyncDisposable {
  readonly host: LightHost;
  readonly worker: Worker;
  readonly controlPlane: ControlPlane;
  /** Two agents on the same account files, each an instance to the control plane: with a helper standing by, and without. */
  readonly agents: { readonly standby: AgentProcess; readonly onDemand: AgentProcess };
  /** Resolves when helpers stand by where they should. */
  standingBy(): Promise<void>;
  /** Resolves when nothing of it has anything left to do. */
  quiet(): Promise<void>;
}

export async function openStage(signal: AbortSignal): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-bench-')); // 0700
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const host = stack.use(await createLightHost({ name: 'bench', accounts: [{ name: ACCOUNT }] }));
  const home = join(directory, 'control-plane');
  await mkdir(home);
  const controlPlane = stack.use(await startControlPlane(home, signal));
  const worker = stack.use(await startWorker(host));
  const agents = {
    standby: await startAgent(host, controlPlane, { label: 'bench-standby', program: CHECKED_OUT }),
    onDemand: await startAgent(host, controlPlane, {
      label: 'bench-on-demand',
      program: CHECKED_OUT,
      flags: ['--no-standby'],
    }),
  };
  const pids = [controlPlane.pid, worker.pid, agents.standby.pid, agents.onDemand.pid];
  const parts = stack.move();
  return {
    ...{ host, worker, controlPlane, agents },
    standingBy: async () => {
      signal.throwIfAborted();
      await until(() => agents.standby.helper() !== null && helperBelow(worker.pid) !== null, {
        what: 'helpers to stand by',
        deadlineMs: STANDING_BY_MS_MAX,
      });
    },
    quiet: async () => {
      signal.throwIfAborted();
      await untilQuiet(pids);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
