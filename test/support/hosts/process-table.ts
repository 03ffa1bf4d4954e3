import { readdirSync, readFileSync } from 'node:fs';

/** One process, as /proc shows it to us. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** Its number in the innermost process namespace it belongs to: 1 for the init of a host. */
  readonly innerPid: number;
  /** How many process namespaces deep it is, counted from ours: 1 for one of ours. */
  readonly depth: number;
}

/** Every process there is. */
export function processes(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readEntry(Number(name)) ?? []);
}

/** The children of a process, and theirs, in no promised order. */
export function descendants(of: number, table: readonly ProcessEntry[] = processes()): ProcessEntry[] {
  const direct = table.filter((entry) => entry.parent === of);
  return direct.flatMap((entry) => [entry, ...descendants(entry.pid, table)]);
}

/** When a process started, in clock ticks after the machine did; with its pid that names one process for good. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; fields count from behind it. proc(5): starttime is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Kills a process; no error when it was faster. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readEntry(pid: number): ProcessEntry | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  } catch {
    return undefined; // it ended since the directory was read
  }
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  const numbers = field('NSpid').split(/\s+/).map(Number);
  return {
    pid,
    parent: Number(field('PPid')),
    command: field('Name'),
    innerPid: numbers.at(-1) ?? pid,
    depth: numbers.length,
  };
}
