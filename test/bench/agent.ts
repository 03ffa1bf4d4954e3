import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { createLightHost, type LightHost } from '../support/hosts/light.ts';
import { PLACE_ENVIRONMENT } from '../support/hosts/place.ts';
import { until } from '../support/hosts/until.ts';
import { megabytes, missingTable, type Bench, type BenchContext, type Rows } from './bench.ts';
import { startControlPlane } from './control-plane.ts';
import { costOf, type ProcessCost } from './process-figures.ts';
import { onlyChild, packagedAgent, startAgent } from './real-agent.ts';
import { startMeshCentral } from './rivals/meshcentral.ts';
import { downloadBytes, needPackage, PACKAGES } from './rivals/packages.ts';
import { tryRival, type Rival } from './rivals/rival.ts';

const WATCHED_SECONDS = 60;
/** Before the watch begins: what an agent does once after it has connected is not its rest. */
const SETTLED_SECONDS = 30;
const QEMU_START_MS_MAX = 10_000;

/** A process at rest, or one that could not be had. */
interface Watched {
  readonly what: string;
  readonly pid: number;
  /** Of the download that brings it; null where another row counts it. */
  readonly downloadBytes: number | null;
}

interface Found extends Omit<Watched, 'pid'> {
  readonly before: ProcessCost;
  readonly after: ProcessCost;
  readonly seconds: number;
}

export const agent: Bench = {
  name: 'agent',
  measures: 'what an agent costs at rest, beside MeshAgent and the QEMU guest agent',
  needs: `npm for MeshCentral, Debian's ${PACKAGES.qemuGuestAgent} (installed where missing), strip for the package`,
  minutes: 4,
  async run(context) {
    const { signal, directory, progress, options } = context;
    await using stack = new AsyncDisposableStack();
    progress('agent: building and starting …');
    const ours = await startOurs(context, stack);
    const mesh = await tryRival(signal, () => startMesh(directory, stack));
    const qemu = await tryRival(signal, () => startQemu(directory, stack));
    const watched = [...ours, ...[mesh, qemu].flatMap((rival) => (rival.had ? [rival.value] : []))];
    progress('agent: letting them come to rest …');
    await sleep(SETTLED_SECONDS * 1000, undefined, { signal });
    const seconds = options.seconds ?? WATCHED_SECONDS;
    const before = watched.map(({ pid }) => costOf(pid));
    progress(`agent: watching them for ${seconds} s …`);
    await sleep(seconds * 1000, undefined, { signal });
    const found = watched.map(({ pid, ...who }, at): Found => {
      const [from, to] = [before[at], costOf(pid)];
      if (from === undefined) throw new Error('every process was looked at');
      return { ...who, before: from, after: to, seconds };
    });
    const missing = [missingRow('MeshAgent', mesh), missingRow('qemu-ga', qemu)].flat();
    return { notes: NOTES, tables: [table(found), ...missingTable(missing)], figures: found };
  },
};

const NOTES = [
  'All connected and idle at the same time; qemu-ga waits at a socket that nobody opens. Ours is the packaged executable with the environment of its unit.',
  'Private: dirty pages that nobody shares and the kernel cannot drop. Wake-ups: context switches, wanted and unwanted.',
];

async function startOurs({ directory, signal }: BenchContext, stack: AsyncDisposableStack): Promise<Watched[]> {
  const controlPlane = stack.use(await startControlPlane(directory, signal));
  const program = await packagedAgent(directory);
  const { size } = await stat(program.archive);
  const start = async (label: string, flags: readonly string[]) => {
    const host = stack.use(await createLightHost({ name: label }));
    return startAgent(host, controlPlane, { label, program, flags });
  };
  const lone = await start('on-demand', ['--no-standby']);
  const standby = await start('standby', []);
  const helper = await until(() => standby.helper() ?? undefined, {
    what: 'the helper that stands by',
    deadlineMs: 30_000,
  });
  return [
    { what: 'agent, helper on demand', pid: lone.pid, downloadBytes: size },
    { what: 'agent, helper standing by', pid: standby.pid, downloadBytes: null },
    { what: '  that helper', pid: helper, downloadBytes: null },
  ];
}

async function startMesh(directory: string, stack: AsyncDisposableStack): Promise<Watched> {
  const server = stack.use(await startMeshCentral(directory));
  const host = stack.use(await createLightHost({ name: 'mesh' }));
  const { pid } = await server.startAgent(host);
  const { size } = await stat(server.agentFile);
  return { what: `MeshAgent (MeshCentral ${server.version})`, pid, downloadBytes: size };
}

async function startQemu(directory: string, stack: AsyncDisposableStack): Promise<Watched> {
  await needPackage(PACKAGES.qemuGuestAgent);
  const host: LightHost = stack.use(await createLightHost({ name: 'qemu' }));
  const [nsenter, ...entry] = host.entry();
  const socket = join('/run', 'bench.sock');
  const program = ['qemu-ga', '--method=unix-listen', `--path=${socket}`, '--statedir=/run'];
  const child = spawn(nsenter, [...entry, ...program], { env: PLACE_ENVIRONMENT, cwd: directory, stdio: 'ignore' });
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`qemu-ga ended with code ${child.exitCode}`);
      return (await host.exec(['test', '-S', socket])).code === 0;
    },
    { what: 'qemu-ga', deadlineMs: QEMU_START_MS_MAX },
  );
  return { what: 'qemu-ga', pid: onlyChild(child).pid, downloadBytes: await downloadBytes(PACKAGES.qemuGuestAgent) };
}

function missingRow(what: string, rival: Rival<unknown>): [string, string][] {
  return rival.had ? [] : [[what, rival.why]];
}

function table(found: readonly Found[]): Rows {
  return [
    ['at rest', 'resident MB', 'private MB', 'threads', 'wake-ups a s', 'ms CPU a minute', 'download MB'],
    ...found.map(({ what, before, after, seconds, downloadBytes: bytes }) => [
      what,
      megabytes(after.residentBytes),
      megabytes(after.privateBytes),
      String(after.threads),
      ((after.switches - before.switches) / seconds).toFixed(1),
      (((after.cpuMs - before.cpuMs) / seconds) * 60).toFixed(0),
      bytes === null ? '' : megabytes(bytes),
    ]),
  ];
}
