/** The formats of the local account database: passwd(5), shadow(5), group(5). Pure. */
import type { Authorities } from './authorities.ts';

export interface PasswdEntry {
  name: string;
  /** `x` means: look in shadow. */
  password: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

/** Days are days since 1970-01-01 UTC; null where the field is empty or -1, which switches the rule off. */
export interface ShadowEntry {
  name: string;
  password: string;
  lastChangeDay: number | null;
  maxDays: number | null;
  inactiveDays: number | null;
  expireDay: number | null;
}

export interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

/** The texts as read; empty where a file does not exist. */
export interface AccountFiles {
  passwd: string;
  shadow: string;
  group: string;
  authorities: Authorities;
}

function* records(text: string, fieldsMin: number): Generator<string[]> {
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#') || line.startsWith('+') || line.startsWith('-')) continue; // NIS compat lines
    const fields = line.split(':');
    if (fields.length >= fieldsMin) yield fields;
  }
}

const number = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;

/** The first entry of that name, as every lookup on the system does it. */
export function findPasswd(text: string, name: string): PasswdEntry | null {
  for (const [entry, password = '', uid, gid, , home = '', shell = ''] of records(text, 7)) {
    if (entry !== name) continue;
    const uidNumber = number(uid);
    const gidNumber = number(gid);
    if (uidNumber === null || gidNumber === null) return null;
    return { name, password, uid: uidNumber, gid: gidNumber, home, shell };
  }
  return null;
}

export function findShadow(text: string, name: string): ShadowEntry | null {
  for (const [entry, password = '', last, , max, , inactive, expire] of records(text, 2)) {
    if (entry !== name) continue;
    return {
      name,
      password,
      lastChangeDay: number(last),
      maxDays: number(max),
      inactiveDays: number(inactive),
      expireDay: number(expire),
    };
  }
  return null;
}

/** Every group the account belongs to, by primary gid or by name. */
export function groupsOf(text: string, name: string, primaryGid: number): GroupEntry[] {
  const groups: GroupEntry[] = [];
  for (const [group = '', , gid, members = ''] of records(text, 3)) {
    const gidNumber = number(gid);
    if (gidNumber === null) continue;
    const names = members.split(',').map((member) => member.trim());
    if (gidNumber === primaryGid || names.includes(name)) groups.push({ name: group, gid: gidNumber, members: names });
  }
  return groups;
}
