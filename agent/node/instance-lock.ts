import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const LOCK = 'agent.lock';
const ATTEMPTS_MAX = 5;

/** The one process that may use a state directory. Process ids are used again, so the start time tells them apart. */
export interface LockHolder {
  readonly pid: number;
  /** Clock ticks since the boot, as /proc has it. */
  readonly startTicks: string;
}

export type LockOutcome = { ok: true; release: () => void } | { ok: false; holder: LockHolder };

/** Takes the state directory for this process. A lock of a process that is gone is taken over. */
export function lockDirectory(directory: string): LockOutcome {
  const path = join(directory, LOCK);
  const mine: LockHolder = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? '' };
  const draft = join(directory, `${LOCK}.${randomBytes(6).toString('hex')}`);
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600, flag: 'wx' });
  try {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      if (tryLink(draft, path)) return { ok: true, release: () => release(path, mine) };
      const holder = readHolder(path);
      if (holder !== null && isAlive(holder)) return { ok: false, holder };
      removeStale(path, `${draft}.stale`);
    }
    throw new Error(`the lock ${path} changes hands all the time`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Who holds the state directory now; null when nobody alive does. */
export function holderOf(directory: string): LockHolder | null {
  const holder = readHolder(join(directory, LOCK));
  return holder !== null && isAlive(holder) ? holder : null;
}

/** A link appears whole or not at all, and never over another. */
function tryLink(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Moved first and looked at then: between the look and a removal, another process may have put its own there. */
function removeStale(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch {
    return; // Somebody else was faster.
  }
  const moved = readHolder(aside);
  if (moved !== null && isAlive(moved)) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, mine: LockHolder): void {
  if (readHolder(path)?.pid === mine.pid) rmSync(path, { force: true });
}

function readHolder(path: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTicks' in value)) return null;
    const { pid, startTicks } = value;
    return typeof pid === 'number' && typeof startTicks === 'string' ? { pid, startTicks } : null;
  } catch {
    return null;
  }
}

function isAlive(holder: LockHolder): boolean {
  return startTicksOf(holder.pid) === holder.startTicks;
}

/** Field 22 of /proc/PID/stat; null when there is no such process. The name before it may hold spaces. */
function startTicksOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
