/** Which account a name means, and what stands between it and a login. Pure; reading is in account-reader.ts. */
import { findPasswd, findShadow, groupsOf } from './account-files.ts';
import type { AccountFiles, ShadowEntry } from './account-files.ts';
import { isNamedByAuthorities } from './authorities.ts';
import type { Authorities, Subject } from './authorities.ts';

export type AccountRefusal = 'account-name-unsafe' | 'account-not-found' | 'account-not-local';

/**
 * `none`: a password can be used. `locked`: a hash with lock marks before it. `never-set`: no hash at all
 * (empty, `!`, `!!`, `*`, `!*`, or anything that is no hash).
 */
export type LockState = 'none' | 'locked' | 'never-set';

export interface LinuxAccount {
  name: string;
  uid: number;
  /** uid 0, a member of a group of ADMINISTRATOR_GROUPS, or named by sudo, doas or polkit. */
  privileged: boolean;
  /** False for nologin-like shells; such an account is never logged in to. */
  shellUsable: boolean;
  lock: LockState;
  /** What stands before the hash of a locked account; empty otherwise. */
  lockMarks: string;
  hasPassword: boolean;
  /** The account's expiry date has come. */
  expired: boolean;
  /** The password is older than its maximum age. */
  agedOut: boolean;
  /** It is so much older that it cannot be changed at login any more. */
  inactive: boolean;
  mustChange: boolean;
}

export type AccountResolution = { ok: true; account: LinuxAccount } | { ok: false; code: AccountRefusal };

/** Linux utilities stop at 32. */
export const ACCOUNT_NAME_CHARACTERS_MAX = 32;
const SAFE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** Groups whose members can become root: by sudo's usual rules, or because what the group may touch is the machine. */
export const ADMINISTRATOR_GROUPS: ReadonlySet<string> = new Set([
  'root',
  'wheel',
  'sudo',
  'admin',
  'docker',
  'lxd',
  'incus-admin',
  'microk8s',
  'libvirt',
  'disk',
  'shadow',
  'kmem',
  'staff', // writes /usr/local on Debian, which comes first in root's path
]);

const NO_LOGIN_SHELLS: ReadonlySet<string> = new Set([
  'nologin',
  'false',
  'true',
  'sync',
  'shutdown',
  'halt',
  'git-shell',
]);

export const isSafeAccountName = (name: string): boolean =>
  name.length <= ACCOUNT_NAME_CHARACTERS_MAX && SAFE_NAME.test(name);

/** `day`: today, in days since 1970-01-01 UTC. Says `account-not-found` for names that only NSS may know. */
export function resolveAccount(files: AccountFiles, name: string, day: number): AccountResolution {
  if (!isSafeAccountName(name)) return { ok: false, code: 'account-name-unsafe' };
  const passwd = findPasswd(files.passwd, name);
  if (passwd === null) return { ok: false, code: 'account-not-found' };
  const shadow = findShadow(files.shadow, name);
  const stored = shadow?.password ?? (passwd.password === 'x' ? '' : passwd.password);
  const groups = groupsOf(files.group, name, passwd.gid);
  const lock = lockState(stored);
  return {
    ok: true,
    account: {
      name,
      uid: passwd.uid,
      privileged: isPrivileged({ name, uid: passwd.uid, groups }, files.authorities),
      shellUsable: isLoginShell(passwd.shell),
      lock,
      lockMarks: lockMarksOf(stored),
      hasPassword: lock !== 'never-set',
      ...ageing(shadow, day),
    },
  };
}

const marksOf = (stored: string): string => /^[!*]*/.exec(stored)?.[0] ?? '';

/** What is to stand before the new hash, so that what is locked stays locked. */
export function lockMarksOf(stored: string): string {
  return lockState(stored) === 'locked' ? marksOf(stored) : '';
}

export function lockState(stored: string): LockState {
  const hash = stored.slice(marksOf(stored).length);
  // The same test as the reset script's: a modular hash starts with $ or _, a traditional one has 13 characters.
  const isHash = /^\$.+\$./.test(hash) || /^_.{19}/.test(hash) || hash.length === 13;
  if (!isHash) return 'never-set';
  return hash === stored ? 'none' : 'locked';
}

function isPrivileged(account: Subject, authorities: Authorities): boolean {
  if (account.uid === 0) return true;
  if (account.groups.some((group) => group.gid === 0 || ADMINISTRATOR_GROUPS.has(group.name))) return true;
  return isNamedByAuthorities(authorities, account);
}

/** An empty shell means /bin/sh, passwd(5). */
function isLoginShell(shell: string): boolean {
  if (shell === '') return true;
  if (!shell.startsWith('/')) return false;
  return !NO_LOGIN_SHELLS.has(shell.slice(shell.lastIndexOf('/') + 1));
}

/** The rules of pam_unix and shadow(5). */
function ageing(
  entry: ShadowEntry | null,
  day: number,
): Pick<LinuxAccount, 'expired' | 'agedOut' | 'inactive' | 'mustChange'> {
  if (entry === null) return { expired: false, agedOut: false, inactive: false, mustChange: false };
  const { lastChangeDay, maxDays, inactiveDays, expireDay } = entry;
  const age = lastChangeDay === null || lastChangeDay === 0 ? null : day - lastChangeDay;
  const agedOut = age !== null && maxDays !== null && age > maxDays;
  return {
    expired: expireDay !== null && day >= expireDay,
    agedOut,
    inactive: agedOut && inactiveDays !== null && age > maxDays + inactiveDays,
    mustChange: lastChangeDay === 0,
  };
}
