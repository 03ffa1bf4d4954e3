import { readdirSync, readFileSync } from 'node:fs';

import { descendants } from '../support/hosts/process-table.ts';
import { until } from '../support/hosts/until.ts';

const QUIET_DEADLINE_MS = 60_000;
const QUIET_LOOK_MS = 40;
/** What timers of a process at rest may use between two looks. */
const QUIET_CPU_MS_MAX = 1;

/** Resolves when those processes and all below them do nothing: a helper that gets ready has got ready. */
export async function untilQuiet(pids: readonly number[]): Promise<void> {
  let before = usedBy(pids);
  await until(
    () => {
      const now = usedBy(pids);
      const same = [...now].every(([pid, ms]) => ms - (before.get(pid) ?? -Infinity) <= QUIET_CPU_MS_MAX);
      const quiet = same && now.size === before.size;
      before = now;
      return quiet;
    },
    { what: 'the processes to come to rest', deadlineMs: QUIET_DEADLINE_MS, everyMs: QUIET_LOOK_MS },
  );
}

/** Milliseconds of CPU that the main thread of each has had. */
function usedBy(pids: readonly number[]): Map<number, number> {
  const all = pids.flatMap((pid) => [pid, ...descendants(pid).map((entry) => entry.pid)]);
  return new Map(all.flatMap((pid) => readCpu(pid)));
}

function readCpu(pid: number): [number, number][] {
  try {
    // The first number is nanoseconds on a CPU.
    return [[pid, Number(readFileSync(`/proc/${String(pid)}/schedstat`, 'utf8').split(' ')[0]) / 1e6]];
  } catch {
    return []; // It has ended since the table was read.
  }
}

/** Bytes of memory of one process. */
export function memoryOf(pid: number): { residentBytes: number; proportionalBytes: number; privateBytes: number } {
  const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
  const field = (name: string): number => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    if (kilobytes === undefined) throw new Error(`the kernel does not say ${name} of process ${String(pid)}`);
    return Number(kilobytes) * 1024;
  };
  // Clean private pages are a file's: the kernel drops them when it likes.
  const privateBytes = field('Private_Dirty') + field('Swap');
  return { residentBytes: field('Rss'), proportionalBytes: field('Pss'), privateBytes };
}

/** Milliseconds of CPU that a process has had, all of its threads. */
export function cpuMsOf(pid: number): number {
  return threadsOf(pid)
    .map((thread) => readFileSync(`${thread}/schedstat`, 'utf8'))
    .reduce((sum, line) => sum + Number(line.split(' ')[0]) / 1e6, 0);
}

/** What one process has and has used, its children not counted. */
export interface ProcessCost {
  readonly residentBytes: number;
  readonly privateBytes: number;
  readonly threads: number;
  /** How often one of its threads was put onto a processor, since it began. */
  readonly switches: number;
  readonly cpuMs: number;
}

export function costOf(pid: number): ProcessCost {
  const { residentBytes, privateBytes } = memoryOf(pid);
  const threads = threadsOf(pid);
  const switches = threads
    .map((thread) => readFileSync(`${thread}/status`, 'utf8'))
    .flatMap((status) => [...status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm)])
    .reduce((sum, [, count]) => sum + Number(count), 0);
  return { residentBytes, privateBytes, threads: threads.length, switches, cpuMs: cpuMsOf(pid) };
}

function threadsOf(pid: number): string[] {
  const directory = `/proc/${String(pid)}/task`;
  return readdirSync(directory).map((thread) => `${directory}/${thread}`);
}
