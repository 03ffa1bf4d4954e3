import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CreatedToken, InstanceName } from '#protocol';
import { CHECKOUT } from '../support/hosts/host.ts';
import { createLightHost, type LightHost } from '../support/hosts/light.ts';
import { PLACE_ENVIRONMENT } from '../support/hosts/place.ts';
import { descendants } from '../support/hosts/process-table.ts';
import { until } from '../support/hosts/until.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import { untilQuiet } from './process-figures.ts';
import { startWorker, type Worker } from './worker-client.ts';

export const ACCOUNT = 'alice';
const AGENT = join(CHECKOUT, 'scripts/latchkey-agent');
const RUNNING_DEADLINE_MS = 60_000;

export interface AgentProcess {
  readonly name: InstanceName;
  readonly pid: number;
  /** The helper that stands by, if there is one. */
  helper(): number | null;
}

/** One throwaway instance with everything that is measured on it, and the control plane of its agents. */
export interface Stage extends AsyncDisposable {
  readonly host: LightHost;
  readonly worker: Worker;
  readonly controlPlane: ControlPlane;
  /** Two agents on the same account files, each an instance to the control plane: with a helper standing by, and without. */
  readonly agents: { readonly standby: AgentProcess; readonly onDemand: AgentProcess };
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
    standby: await startAgent(host, controlPlane, 'bench-standby', []),
    onDemand: await startAgent(host, controlPlane, 'bench-on-demand', ['--no-standby']),
  };
  const pids = [controlPlane.pid, worker.pid, agents.standby.pid, agents.onDemand.pid];
  const parts = stack.move();
  return {
    ...{ host, worker, controlPlane, agents },
    quiet: async () => {
      signal.throwIfAborted();
      await untilQuiet(pids);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** It ends with the host. */
async function startAgent(
  host: LightHost,
  { url, routes }: ControlPlane,
  label: string,
  flags: readonly string[],
): Promise<AgentProcess> {
  const name = InstanceName.parse(label);
  const state = ['--state', `/var/lib/${name}`];
  const { token } = CreatedToken.parse(await routes.tokens.create({ type: 'join', project: 'default', uses: 1 }));
  const enrolled = await host.exec([AGENT, 'enroll', '--url', url, '--name', name, ...state], { input: `${token}\n` });
  if (enrolled.code !== 0) throw new Error(`${name} does not enrol: ${enrolled.stdout}${enrolled.stderr}`);

  const [nsenter, ...entry] = host.entry();
  const child = spawn(nsenter, [...entry, AGENT, 'run', ...state, ...flags], {
    env: PLACE_ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${log}`);
      return (await routes.instances.find(name)).agent.state === 'running';
    },
    { what: () => `${name} to be running: ${log}`, deadlineMs: RUNNING_DEADLINE_MS },
  );
  const pid = onlyChild(child);
  return { name, pid, helper: () => descendants(pid)[0]?.pid ?? null };
}

/** `nsenter` forks once to be in the process namespace; what it starts replaces itself up to the agent. */
function onlyChild(child: ChildProcess): number {
  const [first, ...more] = descendants(child.pid ?? -1).filter((entry) => entry.parent === child.pid);
  if (first === undefined || more.length > 0) throw new Error('nsenter has not exactly one child');
  return first.pid;
}
