/** Who holds the lock of the account database: lckpwdf(3) and the lock files of the shadow tools. */
import { readFileSync, realpathSync, statSync } from 'node:fs';

export interface LockHolder {
  /** What is locked. */
  path: string;
  pid: number | null;
}

export interface ProcLock {
  pid: number;
  /** Major and minor number, hexadecimal, at least two digits each. */
  device: string;
  inode: number;
}

/** The lines of /proc/locks that hold (waiters are marked `->`). */
export function parseProcLocks(text: string): ProcLock[] {
  const locks: ProcLock[] = [];
  for (const line of text.split('\n')) {
    const match = /^\d+: (?:POSIX|OFDLCK|FLOCK)\s+\S+\s+WRITE\s+(-?\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line);
    if (match !== null) locks.push({ pid: Number(match[1]), device: match[2] ?? '', inode: Number(match[3]) });
  }
  return locks;
}

export interface DatabaseLocks {
  /** A lock file of the shadow tools whose process lives. Three failing opens on the usual path. */
  lockFile(): LockHolder | null;
  /**
   * Anybody who holds lckpwdf(3) or a lock file, members of one process group excepted. Not for a hot path: reading
   * /proc/locks stops all file locking of the system for a moment and takes up to 10 ms.
   */
  holder(exceptGroup?: number): LockHolder | null;
}

export function createDatabaseLocks(etc = '/etc', proc = '/proc'): DatabaseLocks {
  return {
    lockFile: () => heldByLockFile(etc, proc),
    holder: (exceptGroup) => heldByLckpwdf(`${etc}/.pwd.lock`, proc, exceptGroup) ?? heldByLockFile(etc, proc),
  };
}

function heldByLckpwdf(path: string, proc: string, exceptGroup?: number): LockHolder | null {
  try {
    const { ino } = statSync(path);
    const device = deviceOf(realpathSync(path), proc);
    for (const lock of parseProcLocks(readFileSync(`${proc}/locks`, 'latin1'))) {
      if (lock.inode !== ino || lock.device !== device) continue;
      if (exceptGroup !== undefined && groupOf(lock.pid, proc) === exceptGroup) continue;
      return { path, pid: lock.pid > 0 ? lock.pid : null };
    }
  } catch {
    // No lock file yet, or no /proc: nobody is known to hold it.
  }
  return null;
}

/**
 * The device of the file system that a path lies on, as /proc/locks writes it. Not what stat shows: on overlay and btrfs
 * that is another one. With the inode number alone, anybody could pass for a holder by a file of their own; and to look
 * into the open files of other processes takes a capability that the agent does without.
 */
function deviceOf(path: string, proc: string): string | null {
  const mounts = readFileSync(`${proc}/self/mountinfo`, 'latin1')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , place = '']) => place === '/' || path === place || path.startsWith(`${place}/`))
    // Of mounts on one place the last is the one that is seen; the sort keeps their order.
    .toSorted((a, b) => (a[4]?.length ?? 0) - (b[4]?.length ?? 0));
  const numbers = mounts.at(-1)?.[2]?.split(':').map(Number);
  return numbers?.map((number) => number.toString(16).padStart(2, '0')).join(':') ?? null;
}

const groupOf = (pid: number, proc: string): number | null => statOf(pid, proc)?.group ?? null;

/** No chain of processes that the agent starts is this long. */
const GENERATIONS_MAX = 32;

/** Whether a process is that one, or was started by it, by itself or through others that still run. */
export function isBelow(pid: number, ancestor: number, proc: string): boolean {
  let at: number | undefined = pid;
  for (let step = 0; step < GENERATIONS_MAX && at !== undefined && at > 0; step += 1) {
    if (at === ancestor) return true;
    at = statOf(at, proc)?.parent;
  }
  return false;
}

/** Fields 4 and 5 of /proc/PID/stat; the name before them may hold anything. */
function statOf(pid: number, proc: string): { parent: number; group: number } | null {
  try {
    const [, parent, group] = readFileSync(`${proc}/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { parent: Number(parent), group: Number(group) };
  } catch {
    return null;
  }
}

function heldByLockFile(etc: string, proc: string): LockHolder | null {
  for (const name of ['passwd', 'shadow', 'group']) {
    const path = `${etc}/${name}.lock`;
    try {
      const text = readFileSync(path, 'latin1').slice(0, 32).replace(/\0.*$/s, '').trim();
      const pid = /^\d{1,10}$/.test(text) ? Number(text) : null;
      // The shadow tools remove a lock whose process is gone, but stop at one that names no process.
      if (pid === null || isAlive(pid, proc)) return { path, pid };
    } catch {
      // No such lock.
    }
  }
  return null;
}

function isAlive(pid: number, proc: string): boolean {
  try {
    statSync(`${proc}/${pid}`);
    return true;
  } catch {
    return false;
  }
}
