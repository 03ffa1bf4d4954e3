/** Probes of what a reset needs on this instance. Cheap: a few system calls each, no process is started. */
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { safeDetail } from './detail.ts';
import { createDatabaseLocks, isBelow, type LockHolder } from './database-lock.ts';
import { findPamFault, type PamFiles } from './pam-stack.ts';
import { choosePamService, PAM_DIRECTORIES } from './verifier.ts';

export type ComponentName = 'account-database' | 'script-runner' | 'authentication' | 'disk';

export type ComponentCode =
  | 'account-database-read-only'
  | 'account-database-immutable'
  | 'account-database-denied'
  | 'account-database-busy'
  | 'account-database-unreadable'
  | 'account-database-lock-held'
  | 'disk-full'
  | 'chpasswd-missing'
  | 'shell-missing'
  | 'pam-unavailable'
  | 'journal-unwritable'
  | 'disk-low';

export type ComponentHealth = { ok: true } | { ok: false; code: ComponentCode; detail: string };

export type ComponentProbes = Record<ComponentName, () => ComponentHealth>;

/** Room for a new copy of the account database. */
const ETC_BYTES_FREE_MIN = 1024 * 1024;
const MEBIBYTE = 1024 * 1024;
const STATE_BYTES_FREE_MIN = 16 * MEBIBYTE;
/** The journal, rewritten: nothing is begun that could not be written down. */
const JOURNAL_BYTES_FREE_MIN = MEBIBYTE;
const LIBRARY_DIRECTORIES = [
  '/lib',
  '/lib64',
  '/usr/lib',
  '/usr/lib64',
  '/lib/x86_64-linux-gnu',
  '/lib/aarch64-linux-gnu',
];

export interface ComponentOptions {
  stateDirectory: string;
  etc?: string;
  proc?: string;
  /** Where the shadow tools are looked for. */
  toolDirectories?: string[];
  /** Where services of PAM are looked for, in order. */
  pamDirectories?: readonly string[];
  /** What this process and all below it hold does not count. */
  agentPid?: number;
}

export function createComponentProbes(options: ComponentOptions): ComponentProbes {
  const {
    stateDirectory,
    etc = '/etc',
    proc = '/proc',
    toolDirectories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  } = options;
  const heldForLong = createLockWatch(etc, proc, options.agentPid ?? process.pid);
  return {
    'account-database': () => accountDatabase(etc, proc, heldForLong),
    'script-runner': () => scriptRunner(toolDirectories),
    authentication: () => authentication(options.pamDirectories ?? PAM_DIRECTORIES),
    disk: () => stateDisk(stateDirectory),
  };
}

/**
 * Who holds the lock of the account database, unless that is a reset of our own, or somebody else than at the last look:
 * where many tools take turns, a reset gets its turn too, and nothing is wrong.
 */
function createLockWatch(etc: string, proc: string, agentPid: number): () => LockHolder | null {
  const locks = createDatabaseLocks(etc, proc);
  let before: LockHolder | null = null;
  return () => {
    const found = locks.holder();
    const pid = found?.pid ?? null;
    const holder = pid !== null && isBelow(pid, agentPid, proc) ? null : found;
    const isAnother = holder !== null && before !== null && (holder.pid !== before.pid || holder.path !== before.path);
    before = holder;
    return isAnother ? null : holder;
  };
}

function accountDatabase(etc: string, proc: string, heldForLong: () => LockHolder | null): ComponentHealth {
  for (const name of ['passwd', 'shadow']) {
    const path = `${etc}/${name}`;
    if (name === 'shadow' && !existsSync(path)) continue;
    const code = refused(path, constants.R_OK | constants.W_OK);
    if (code !== null) return ailing(codeOfRefusal(code), `${path}: ${code}`);
  }
  const code = refused(etc, constants.W_OK | constants.X_OK);
  if (code !== null) return ailing(codeOfRefusal(code), `${etc}: ${code}`);
  const mounted = mountedOver(etc, proc);
  if (mounted !== null) return ailing('account-database-busy', `${mounted} is a mount point: it cannot be replaced`);
  const full = room(etc, ETC_BYTES_FREE_MIN, 'disk-full');
  if (!full.ok) return full;
  const holder = heldForLong();
  if (holder !== null)
    return ailing('account-database-lock-held', `${holder.path} is held by ${holder.pid ?? 'an unnamed process'}`);
  return { ok: true };
}

/** The error code, or null where access(2) agrees. */
function refused(path: string, mode: number): string | null {
  try {
    accessSync(path, mode);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

/** access(2) as root says EROFS on a read-only mount, EPERM on an immutable inode, EACCES where a security module objects. */
function codeOfRefusal(code: string): ComponentCode {
  switch (code) {
    case 'EROFS':
      return 'account-database-read-only';
    case 'EPERM':
      return 'account-database-immutable';
    case 'EACCES':
      return 'account-database-denied';
    default:
      return 'account-database-unreadable';
  }
}

/** A file that is a mount point cannot be renamed over, and every password tool renames. */
function mountedOver(etc: string, proc: string): string | null {
  try {
    const places = readFileSync(`${proc}/self/mountinfo`, 'latin1')
      .split('\n')
      .map((line) => line.split(' ')[4]);
    return [`${etc}/passwd`, `${etc}/shadow`].find((path) => places.includes(path)) ?? null;
  } catch {
    return null;
  }
}

function room(path: string, bytesMin: number, code: 'disk-full' | 'disk-low'): ComponentHealth {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(path);
    // Whole mebibytes: the exact figure would be news at every look.
    if (bavail * bsize < bytesMin) return ailing(code, `${path}: ${Math.floor((bavail * bsize) / MEBIBYTE)} MiB free`);
    if (files > 0 && ffree === 0) return ailing(code, `${path}: no inodes free`);
    return { ok: true };
  } catch (error) {
    return ailing(code, String(error));
  }
}

function scriptRunner(directories: string[]): ComponentHealth {
  if (refused('/bin/sh', constants.X_OK) !== null) return ailing('shell-missing', '/bin/sh cannot be run');
  if (!directories.some((directory) => refused(`${directory}/chpasswd`, constants.X_OK) === null)) {
    return ailing('chpasswd-missing', 'chpasswd is not installed');
  }
  return { ok: true };
}

/** Where the agent writes down what it promises: without it, it takes no order. */
function stateDisk(directory: string): ComponentHealth {
  for (const path of [directory, `${directory}/journal`]) {
    const code = refused(path, constants.R_OK | constants.W_OK);
    // The agent makes a journal where there is none yet.
    if (code !== null && (code !== 'ENOENT' || path === directory))
      return ailing('journal-unwritable', `${path}: ${code}`);
  }
  const full = room(directory, JOURNAL_BYTES_FREE_MIN, 'disk-full');
  return full.ok ? room(directory, STATE_BYTES_FREE_MIN, 'disk-low') : full;
}

/** Looks for the library and reads the stacks; loading PAM is left to the helper, so that its modules never live here. */
function authentication(directories: readonly string[]): ComponentHealth {
  if (!LIBRARY_DIRECTORIES.some((directory) => isFile(`${directory}/libpam.so.0`)))
    return ailing('pam-unavailable', 'libpam.so.0 is not installed');
  const service = choosePamService(existsSync, directories);
  if (service === null) return ailing('pam-unavailable', 'no PAM service that asks for a password');
  const files: PamFiles = { read: readPamFile, directories, hasModule };
  // What the proof asks, and what chpasswd does where it has a service; elsewhere it was built without PAM.
  const setsBy = directories.some((directory) => existsSync(`${directory}/chpasswd`));
  const fault =
    findPamFault(files, service, ['auth', 'account']) ??
    (setsBy ? findPamFault(files, 'chpasswd', ['password']) : null);
  return fault === null ? { ok: true } : ailing('pam-unavailable', fault);
}

function readPamFile(path: string): { text: string } | 'missing' | 'unreadable' {
  try {
    return { text: readFileSync(path, 'latin1') };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'unreadable';
  }
}

/** libpam looks in a directory that was compiled in; where none of those is it, nothing is said of modules. */
function hasModule(name: string): boolean | null {
  if (name.startsWith('/')) return existsSync(name);
  const directories = LIBRARY_DIRECTORIES.map((directory) => `${directory}/security`).filter((path) =>
    existsSync(path),
  );
  // What no system goes without shows where modules are.
  if (!directories.some((directory) => existsSync(`${directory}/pam_permit.so`))) return null;
  return directories.some((directory) => existsSync(`${directory}/${name}`));
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const ailing = (code: ComponentCode, detail: string): ComponentHealth => ({
  ok: false,
  code,
  detail: safeDetail(detail),
});
