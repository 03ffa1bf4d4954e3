import { figureOf, type Figure } from './figures.ts';
import { verdict, type Bench, type BenchContext, type Rows } from './bench.ts';
import { cpuMsOf } from './process-figures.ts';
import { requireDescriptors } from './swarm/channel.ts';
import { startSwarm, type Swarm } from './swarm/client.ts';
import { untilRunning } from './swarm/database.ts';
import { createSite, KINDS, profileFlags, type ServerKind, type Site } from './swarm/server.ts';

const AGENTS = 10_000;
const ROUNDS = 3;
/** So many handshakes under way at the same time, the next as soon as one is through: the same for both. */
const AT_ONCE = 500;
const TIMES_MAX = 1.5;

interface Round {
  /** From the open port to the last session. */
  readonly sessionsMs: number;
  /** To the last agent that operators are shown as running; of bare ws the same as the above. */
  readonly runningMs: number;
  /** Of the server's processor, until then. */
  readonly cpuMs: number;
  /** Tries that came to nothing. */
  readonly failures: number;
}

export const reconnect: Bench = {
  name: 'reconnect',
  measures: '10,000 agents that come back after a restart of the control plane, against bare ws',
  needs: '2 GB of free memory; 10,000 sockets',
  minutes: 4,
  async run(context) {
    const { options, directory, progress } = context;
    const agents = options.agents ?? AGENTS;
    const rounds = options.rounds ?? ROUNDS;
    requireDescriptors(agents);
    const site = await createSite(directory);
    await using real = await startSwarm(`${directory}/swarm-latchkey.log`);
    await using sockets = await startSwarm(`${directory}/swarm-bare.log`);
    await real.enrol(site.databaseFile, agents);
    await sockets.bare(agents);
    const swarms = { latchkey: real, bare: sockets };
    const found: Record<ServerKind, Round[]> = { latchkey: [], bare: [] };
    // In the first everything connects for the first time: every later one is the return after a restart.
    for (let round = 0; round <= rounds; round += 1) {
      for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
        progress(`reconnect: round ${round} of ${rounds}, ${kind} …`);
        const one = await cycle(context, site, kind, swarms[kind], agents);
        if (round > 0) found[kind].push(one);
      }
    }
    return { notes: NOTES, tables: [table(found, agents)], figures: found };
  },
};

const NOTES = [
  'Each round starts a server anew and has all come back at once when the port opens, 500 handshakes under way at a time, lost tries made again at once.',
  'A session of the control plane: TLS, upgrade, both proofs, the continuity secret durable, welcome. Of bare ws: TLS and upgrade.',
  'Server and agents share the cores; the processor time is that of the server alone.',
];

async function cycle(
  { signal }: BenchContext,
  site: Site,
  kind: ServerKind,
  swarm: Swarm,
  agents: number,
): Promise<Round> {
  signal.throwIfAborted();
  await using server = await site.start(kind, { flags: kind === 'latchkey' ? profileFlags() : [] });
  const cpuBefore = cpuMsOf(server.pid);
  const startedMs = performance.now();
  const { tookMs, failures } = await swarm.connect({ port: site.port, ca: site.ca, atOnce: AT_ONCE });
  const cpuMs = cpuMsOf(server.pid) - cpuBefore;
  if (kind === 'latchkey') await untilRunning(site.databaseFile, agents);
  const runningMs = kind === 'latchkey' ? performance.now() - startedMs : tookMs;
  if ((await swarm.count()) !== agents) throw new Error('connections were lost while others were made');
  return { sessionsMs: tookMs, runningMs, cpuMs, failures };
}

function table(found: Record<ServerKind, readonly Round[]>, agents: number): Rows {
  const median = (kind: ServerKind, of: (round: Round) => number): Figure => figureOf(found[kind].map(of));
  const row = (what: string, of: (round: Round) => number, target: number | null): string[] => {
    const [ours, theirs] = [median('latchkey', of), median('bare', of)];
    const ratio = ours.median / theirs.median;
    const seconds = ({ median, min, max }: Figure): string => [median, min, max].map(inSeconds).join(' / ');
    const judged = target === null ? '' : verdict(ratio, target, 'x');
    return [what, seconds(ours), seconds(theirs), `${ratio.toFixed(2)} x`, judged];
  };
  return [
    [`${agents} agents, s (median / min / max)`, 'control plane', 'bare ws', 'ratio', 'target'],
    row('until all have a session', ({ sessionsMs }) => sessionsMs, TIMES_MAX),
    row('until all are shown as running', ({ runningMs }) => runningMs, null),
    row("the server's processor time", ({ cpuMs }) => cpuMs, null),
    ['tries lost', lost(found.latchkey), lost(found.bare), '', ''],
  ];
}

const inSeconds = (ms: number): string => (ms / 1000).toFixed(1);
const lost = (rounds: readonly Round[]): string => String(rounds.reduce((sum, { failures }) => sum + failures, 0));
