import { randomBytes } from 'node:crypto';

import { generatePassword } from '#protocol';
import { measureFlush } from './flush.ts';
import { figureOf, type MemoryRow, type Report, type TimeRow } from './figures.ts';
import { memoryOf } from './process-figures.ts';
import type { AgentProcess } from './real-agent.ts';
import { ACCOUNT, type Stage } from './stage.ts';
import { resetThroughApi } from './whole-path.ts';

/** What is thrown away: code gets compiled, caches get filled. */
const WARM_UP_ROUNDS = 3;
/** One says little: somebody else's write may be before it in the queue of the disk. */
const FLUSHES_PER_ROUND = 5;
/** What the project promises of a reset, in times of bare chpasswd. */
const TARGETS = { applied: 1.3, verified: 3 } as const;

const KINDS = ['agentOnDemand', 'agentStandby', 'pathOnDemand', 'pathStandby'] as const;
type Kind = (typeof KINDS)[number];
const SAID: Record<Kind, string> = {
  agentOnDemand: "the agent's reset, helper on demand",
  agentStandby: "the agent's reset, helper standing by",
  pathOnDemand: 'the whole path, helper on demand',
  pathStandby: 'the whole path, helper standing by',
};

interface Times {
  readonly applied: number[];
  readonly verified: number[];
  /** By the client; of the whole path only. */
  readonly seen: number[];
}

export type Measurements = Pick<Report, 'times' | 'memory' | 'instanceFlushMs' | 'controlPlaneFlushMs'>;

/** Takes everything in turns, bare chpasswd before each, so that what happens to the machine happens to all. */
export async function measure(stage: Stage, rounds: number, onRound: (done: number) => void): Promise<Measurements> {
  const bare: number[] = [];
  const flushes = { instance: [] as number[], controlPlane: [] as number[] };
  const times = Object.fromEntries(
    KINDS.map((kind) => [kind, { applied: [], verified: [], seen: [] } satisfies Times]),
  ) as unknown as Record<Kind, Times>;
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const counts = round >= 0;
    // A while after a reset; each round uses each of them once.
    await stage.standingBy();
    // Each round begins with another one: none always follows the same.
    const from = (round + WARM_UP_ROUNDS) % KINDS.length;
    for (const kind of [...KINDS.slice(from), ...KINDS.slice(0, from)]) {
      await stage.quiet();
      const rival = await stage.worker.chpasswd(ACCOUNT, newPassword());
      await stage.quiet();
      const found = await measureOne(stage, kind);
      if (!counts) continue;
      bare.push(rival.appliedMs);
      times[kind].applied.push(found.appliedMs);
      times[kind].verified.push(found.verifiedMs);
      if (found.seenMs !== undefined) times[kind].seen.push(found.seenMs);
    }
    if (!counts) continue;
    for (let flush = 0; flush < FLUSHES_PER_ROUND; flush += 1) {
      flushes.instance.push(await stage.worker.flush('/etc'));
      flushes.controlPlane.push(measureFlush(stage.controlPlane.dataDirectory));
    }
    onRound(round + 1);
  }
  await stage.standingBy();
  await stage.quiet();
  return {
    times: timeRows(bare, times),
    memory: memoryRows(stage),
    instanceFlushMs: figureOf(flushes.instance),
    controlPlaneFlushMs: figureOf(flushes.controlPlane),
  };
}

function measureOne(
  { worker, controlPlane, agents }: Stage,
  kind: Kind,
): Promise<{ appliedMs: number; verifiedMs: number; seenMs?: number }> {
  const password = newPassword();
  const through = ({ name }: AgentProcess) =>
    resetThroughApi(controlPlane.routes, { instance: name, account: ACCOUNT, password });
  switch (kind) {
    case 'agentOnDemand':
      return worker.reset(ACCOUNT, password, false);
    case 'agentStandby':
      return worker.reset(ACCOUNT, password, true);
    case 'pathOnDemand':
      return through(agents.onDemand);
    case 'pathStandby':
      return through(agents.standby);
    default:
      return kind satisfies never;
  }
}

function timeRows(bare: readonly number[], times: Record<Kind, Times>): TimeRow[] {
  const base = figureOf(bare);
  const row = (what: string, values: readonly number[], target: number | null): TimeRow[] => {
    if (values.length === 0) return [];
    const ms = figureOf(values);
    return [{ what, ms, ratio: Number((ms.median / base.median).toFixed(3)), target }];
  };
  return [
    { what: 'bare chpasswd', ms: base, ratio: 1, target: null },
    ...KINDS.flatMap((kind) => [
      ...row(`${SAID[kind]}: applied`, times[kind].applied, TARGETS.applied),
      ...row(`${SAID[kind]}: verified`, times[kind].verified, TARGETS.verified),
      ...row(`${SAID[kind]}: seen by the client`, times[kind].seen, null),
    ]),
  ];
}

function memoryRows({ agents, controlPlane }: Stage): MemoryRow[] {
  const row = (what: string, pid: number): MemoryRow => ({ what, ...memoryOf(pid) });
  const helper = agents.standby.helper();
  if (helper === null) throw new Error('no helper stands by');
  if (agents.onDemand.helper() !== null) throw new Error('a helper stands by where none should');
  return [
    row('agent, helper on demand', agents.onDemand.pid),
    row('agent, helper standing by', agents.standby.pid),
    row('  that helper', helper),
    row('control plane', controlPlane.pid),
  ];
}

function newPassword(): string {
  return generatePassword({ targets: [{ os: 'linux', account: ACCOUNT }], randomBytes });
}
