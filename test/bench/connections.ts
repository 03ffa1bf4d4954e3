import { setTimeout as sleep } from 'node:timers/promises';

import { kilobytes, megabytes, verdict, type Bench, type BenchContext, type Rows } from './bench.ts';
import { cpuMsOf, memoryOf } from './process-figures.ts';
import { requireDescriptors } from './swarm/channel.ts';
import { startSwarm, type Swarm } from './swarm/client.ts';
import { untilRunning } from './swarm/database.ts';
import { createSite, KINDS, type Heap, type Server, type ServerKind, type Site } from './swarm/server.ts';

const AGENTS = [2_000, 15_000];
/** So many handshakes under way at the same time: a server is not to be starved, nor to be flooded. */
const AT_ONCE = 500;
/** Several heartbeats of each. */
const WATCHED_SECONDS = 36;
const KILOBYTES_MAX = 80;
const KILOBYTE = 1024;

interface Found {
  readonly kind: ServerKind;
  readonly agents: number;
  readonly connectedMs: number;
  /** Tries that came to nothing, and sessions that were lost while others were made; all were made again. */
  readonly failures: number;
  /** Of the connections, when the watch had ended. */
  readonly left: number;
  /** Resident, of the whole process. */
  readonly before: number;
  readonly connected: number;
  readonly watched: number;
  readonly collected: number;
  readonly heapBefore: Heap;
  readonly heap: Heap;
  /** Of the server, over the time that nothing but heartbeats happened. */
  readonly cpuMs: number;
  readonly watchedMs: number;
}

export const connections: Bench = {
  name: 'connections',
  measures: 'memory and heartbeats of 2,000 and 15,000 connected agents beside bare ws',
  needs: '3 GB of free memory; 16,000 sockets',
  minutes: 6,
  async run(context) {
    const { options, directory } = context;
    const site = await createSite(directory);
    const found: Found[] = [];
    for (const agents of options.agents === null ? AGENTS : [options.agents]) {
      for (const kind of KINDS) found.push(await measure(context, site, kind, agents));
    }
    return { notes: NOTES, tables: [memoryTable(found), heartbeatTable(found)], figures: found };
  },
};

const NOTES = [
  'Control plane: what `latchkey server` runs, over its own TLS, with real handshakes; agents are enrolled in its store beforehand.',
  'Bare ws: the same Node, certificate and options, a ping to each as often as the control plane asks each; nothing else.',
  'A connection: what the resident memory has grown by, with nothing collected by order; collected: after the collector was told to.',
];

async function measure(context: BenchContext, site: Site, kind: ServerKind, agents: number): Promise<Found> {
  const { directory, signal, progress, options } = context;
  requireDescriptors(agents);
  progress(`connections: ${agents} to ${kind} …`);
  await using swarm = await startSwarm(`${directory}/swarm.log`);
  if (kind === 'latchkey') await swarm.enrol(site.databaseFile, agents);
  else await swarm.bare(agents);
  await using server = await site.start(kind, { pings: true });
  const heapBefore = await server.memory({ collect: true });
  const before = memoryOf(server.pid).residentBytes;
  const to = { port: site.port, ca: site.ca, atOnce: AT_ONCE };
  const { tookMs, failures } = await swarm.connect(to);
  // On a machine that has too much to do, some have missed a heartbeat by now; they come back, as agents do.
  let again = 0;
  const meanwhile = async (): Promise<void> => {
    again += agents - (await swarm.count());
    await swarm.connect(to);
  };
  if (kind === 'latchkey') await untilRunning(site.databaseFile, agents, meanwhile);
  const connected = memoryOf(server.pid).residentBytes;
  const cpuBefore = cpuMsOf(server.pid);
  const startedMs = performance.now();
  await sleep((options.seconds ?? WATCHED_SECONDS) * 1000, undefined, { signal });
  const [cpuMs, watchedMs] = [cpuMsOf(server.pid) - cpuBefore, performance.now() - startedMs];
  const rest = await atTheEnd(server, swarm);
  return {
    kind,
    agents,
    connectedMs: tookMs,
    failures: failures + again,
    before,
    connected,
    heapBefore,
    cpuMs,
    watchedMs,
    ...rest,
  };
}

async function atTheEnd(server: Server, swarm: Swarm) {
  const watched = memoryOf(server.pid).residentBytes;
  const heap = await server.memory({ collect: true });
  const collected = memoryOf(server.pid).residentBytes;
  return { watched, heap, collected, left: await swarm.count() };
}

const SAID: Record<ServerKind, string> = { latchkey: 'control plane', bare: 'bare ws' };

function memoryTable(found: readonly Found[]): Rows {
  const each = (all: number, { agents }: Found): string => kilobytes(all / agents);
  return [
    [
      'KB a connection',
      'agents',
      'resident',
      'heartbeating',
      'collected',
      'its heap',
      'external',
      'whole MB',
      'target',
    ],
    ...found.map((run) => [
      SAID[run.kind],
      String(run.agents),
      each(run.connected - run.before, run),
      each(run.watched - run.before, run),
      each(run.collected - run.before, run),
      each(run.heap.heapUsedBytes - run.heapBefore.heapUsedBytes, run),
      each(run.heap.externalBytes - run.heapBefore.externalBytes, run),
      megabytes(run.watched),
      run.kind === 'latchkey' ? verdict((run.watched - run.before) / run.agents / KILOBYTE, KILOBYTES_MAX, 'KB') : '',
    ]),
  ];
}

function heartbeatTable(found: readonly Found[]): Rows {
  const minute = ({ cpuMs, watchedMs, agents }: Found): number => (cpuMs / watchedMs / agents) * 60_000;
  return [
    [
      'at rest, every 9 s a heartbeat',
      'agents',
      's CPU a minute for 1,000',
      '% of a core',
      's to connect all',
      'made again',
      'left at the end',
    ],
    ...found.map((run) => [
      SAID[run.kind],
      String(run.agents),
      minute(run).toFixed(2),
      ((run.cpuMs / run.watchedMs) * 100).toFixed(1),
      (run.connectedMs / 1000).toFixed(1),
      String(run.failures),
      String(run.left),
    ]),
  ];
}
