/** Probes of what a reset needs on this instance. Cheap: a few system calls each, no process is started. */
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { safeDetail } from './detail.ts';
import { createDatabaseLocks } from './database-lock.ts';
import { choosePamService } from './verifier.ts';

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
  | 'disk-low';

export type ComponentHealth = { ok: true } | { ok: false; code: ComponentCode; detail: string };

export type ComponentProbes = Record<ComponentName, () => ComponentHealth>;

/** Room for a new copy of the account database. */
const ETC_BYTES_FREE_MIN = 1024 * 1024;
const STATE_BYTES_FREE_MIN = 16 * 1024 * 1024;
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
}

export function createComponentProbes(options: ComponentOptions): ComponentProbes {
  const {
    stateDirectory,
    etc = '/etc',
    proc = '/proc',
    toolDirectories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  } = options;
  return {
    'account-database': () => accountDatabase(etc, proc),
    'script-runner': () => scriptRunner(toolDirectories),
    authentication,
    disk: () => room(stateDirectory, STATE_BYTES_FREE_MIN, 'disk-low'),
  };
}

function accountDatabase(etc: string, proc: string): ComponentHealth {
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
  const holder = createDatabaseLocks(etc, proc).holder();
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
    if (bavail * bsize < bytesMin) return ailing(code, `${path}: ${bavail * bsize} bytes free`);
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

/** Looks for the library and a service; loading PAM is left to the helper, so that its modules never live here. */
function authentication(): ComponentHealth {
  if (!LIBRARY_DIRECTORIES.some((directory) => isFile(`${directory}/libpam.so.0`)))
    return ailing('pam-unavailable', 'libpam.so.0 is not installed');
  if (choosePamService(existsSync) === null)
    return ailing('pam-unavailable', 'no PAM service that asks for a password');
  return { ok: true };
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
