import { setTimeout as sleep } from 'node:timers/promises';

import { LIVENESS_INTERVAL_MS } from '#protocol';
import { createLightHost } from '../support/hosts/light.ts';
import { processes } from '../support/hosts/process-table.ts';
import { until } from '../support/hosts/until.ts';
import { missingTable, type Bench, type BenchContext, type Rows } from './bench.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import { figureOf } from './figures.ts';
import { CHECKED_OUT, startAgent, type AgentProcess } from './real-agent.ts';
import { startMeshCentral, type MeshCentral, type MeshAgent } from './rivals/meshcentral.ts';
import { tryRival } from './rivals/rival.ts';
import { tryReset } from './whole-path.ts';

const ROUNDS = 3;
/** Longer than that and the table says so. */
const WATCHED_MS_MAX = 120_000;
const LOOK_MS = 100;
const BACK_MS_MAX = 180_000;
const ACCOUNT = 'alice';

/** Milliseconds; null when it took longer than anybody watched. */
type Noticed = number | null;

interface Found {
  readonly shown: Noticed[];
  readonly refused: Noticed[];
  readonly rival: Noticed[];
}

export const frozen: Bench = {
  name: 'frozen',
  measures: 'how long a frozen agent passes for a healthy one, beside MeshCentral',
  needs: 'npm for MeshCentral',
  minutes: 8,
  async run(context) {
    const { signal, directory, progress, options } = context;
    const rounds = options.rounds ?? ROUNDS;
    await using stack = new AsyncDisposableStack();
    progress('frozen: starting …');
    const controlPlane = stack.use(await startControlPlane(directory, signal));
    const host = stack.use(await createLightHost({ name: 'frozen', accounts: [{ name: ACCOUNT }] }));
    const agent = await startAgent(host, controlPlane, { label: 'frozen', program: CHECKED_OUT });
    const mesh = await tryRival(signal, async () => {
      const server = stack.use(await startMeshCentral(directory));
      return { server, agent: await server.startAgent(stack.use(await createLightHost({ name: 'mesh' }))) };
    });
    const found: Found = { shown: [], refused: [], rival: [] };
    const ours = async (): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        progress(`frozen: round ${round + 1} of ${rounds} …`);
        // At another moment between two heartbeats each time.
        await sleep((LIVENESS_INTERVAL_MS * round) / rounds, undefined, { signal });
        found.shown.push(await untilShown(controlPlane, agent));
        found.refused.push(await untilRefused(controlPlane, agent));
      }
    };
    const theirs = async (): Promise<void> => {
      if (!mesh.had) return;
      for (let round = 0; round < rounds; round += 1) found.rival.push(await untilOffline(mesh.value, context));
    };
    // Beside each other: what is measured is patience, not work.
    await Promise.all([ours(), theirs()]);
    return {
      notes: NOTES,
      tables: [table(found), ...missingTable(mesh.had ? [] : [['MeshCentral', mesh.why]])],
      figures: found,
    };
  },
};

const NOTES = [
  'Frozen: SIGSTOP. Its connection stays open, and the kernel goes on acknowledging what it is sent.',
  'MeshCentral as it comes: no setting of its own says otherwise.',
];

/** Freezes a process while `work` runs. */
async function whileFrozen<T>(pid: number, work: () => Promise<T>): Promise<T> {
  const parent = processes().find((entry) => entry.pid === pid)?.parent;
  if (parent === undefined) throw new Error('the agent has ended');
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    // nsenter, which waits for it outside of the host, stops when it does; stopped, it would never see it end.
    for (const stopped of [parent, pid]) process.kill(stopped, 'SIGCONT');
  }
}

async function untilShown({ routes }: ControlPlane, { name, pid }: AgentProcess): Promise<Noticed> {
  const state = async (): Promise<string> => (await routes.instances.find(name)).agent.state;
  const noticed = await whileFrozen(pid, () => watch(async () => (await state()) !== 'running'));
  await until(async () => (await state()) === 'running', { what: 'the agent to be back', deadlineMs: BACK_MS_MAX });
  return noticed;
}

/** From the freeze to the answer that this instance cannot be reset; the reset is asked for right after the freeze. */
async function untilRefused({ routes }: ControlPlane, { name, pid }: AgentProcess): Promise<Noticed> {
  const startedMs = performance.now();
  const state = await whileFrozen(pid, () => tryReset(routes, { instance: name, account: ACCOUNT }));
  const tookMs = performance.now() - startedMs;
  if (state !== 'blocked') throw new Error(`a reset of a frozen instance came to ${state}`);
  const running = async (): Promise<boolean> => (await routes.instances.find(name)).agent.state === 'running';
  await until(running, { what: 'the agent to be back', deadlineMs: BACK_MS_MAX });
  return tookMs;
}

async function untilOffline(
  { server, agent }: { server: MeshCentral; agent: MeshAgent },
  { signal }: BenchContext,
): Promise<Noticed> {
  const connected = async (): Promise<boolean> => {
    signal.throwIfAborted();
    return (await server.control.nodes()).some(({ id, connected: is }) => id === agent.nodeId && is);
  };
  const noticed = await whileFrozen(agent.pid, () => watch(async () => !(await connected())));
  await until(connected, { what: 'MeshAgent to be back', deadlineMs: BACK_MS_MAX, everyMs: 500 });
  return noticed;
}

/** Looks again and again until it is so, or for as long as anybody watches. */
async function watch(isSo: () => Promise<boolean>): Promise<Noticed> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < WATCHED_MS_MAX) {
    if (await isSo()) return performance.now() - startedMs;
    await sleep(LOOK_MS);
  }
  return null;
}

function table(found: Found): Rows {
  const row = (what: string, noticed: readonly Noticed[]): string[] => {
    const limit = WATCHED_MS_MAX;
    const { median, min, max } = figureOf(noticed.map((ms) => ms ?? limit));
    const seconds = (ms: number): string => (ms >= limit ? `> ${limit / 1000}` : (ms / 1000).toFixed(1));
    return [what, seconds(median), seconds(min), seconds(max), String(noticed.length)];
  };
  return [
    ['s after the freeze', 'median', 'min', 'max', 'n'],
    row('Latchkey: not shown as running any more', found.shown),
    row('Latchkey: a reset asked for right after it is refused', found.refused),
    ...(found.rival.length === 0 ? [] : [row('MeshCentral: not shown as connected any more', found.rival)]),
  ];
}
