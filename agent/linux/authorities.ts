/**
 * Who may become root by what an administrator wrote: sudoers(5), doas.conf(5), polkit(8). Pure, and wide on purpose: a
 * rule for one command counts, hosts and targets are not read, and a line that is not understood counts for everybody.
 */
export interface Authorities {
  /** /etc/sudoers and whatever it includes. */
  readonly sudoers: readonly string[];
  /** /etc/doas.conf and /etc/doas.d. */
  readonly doas: readonly string[];
  /** Rules and configurations of polkit. */
  readonly polkit: readonly string[];
  /** A file of these is there and could not be read, or there were too many. Then nobody knows whom it names. */
  readonly incomplete: boolean;
}

export interface Subject {
  readonly name: string;
  readonly uid: number;
  readonly groups: readonly { readonly name: string; readonly gid: number }[];
}

/** Whether anything makes the account more than a plain user. */
export function isNamedByAuthorities(authorities: Authorities, subject: Subject): boolean {
  if (authorities.incomplete || sudoersGrant(authorities.sudoers, subject)) return true;
  return (
    authorities.doas.some((text) => doasGrants(text, subject)) ||
    authorities.polkit.some((text) => polkitGrants(text, subject))
  );
}

/** What a text includes; null for a line that means to include, and does not say what. */
export function sudoersIncludes(text: string): readonly ({ kind: 'file' | 'directory'; path: string } | null)[] {
  return sudoersLines(text).flatMap((line) => {
    const include = /^[@#]include(dir)?(?![\w-])\s*(.*)$/.exec(line);
    if (include === null) return [];
    const [, directory, rest = ''] = include;
    const path = plain(rest.trim());
    return path === null || path === '' ? [null] : [{ kind: directory === undefined ? 'file' : 'directory', path }];
  });
}

const SETTING = /^(?:Defaults(?![\w-])|(?:Cmnd|Cmd|Host|Runas)_Alias\s|[@#]include(?:dir)?(?![\w-]))/;
/** With these, sudo asks for root's password or the target's, which a plain user does not have. */
const ASKS_FOR_ANOTHER = /^Defaults\s(?:[^!]*[\s,])?(?:targetpw|rootpw)\b/;
/** … unless another line takes that back, or asks for nothing. */
const ASKS_AFTER_ALL = /^Defaults.*!\s*(?:targetpw|rootpw|authenticate)\b/;

function sudoersGrant(texts: readonly string[], subject: Subject): boolean {
  const lines = texts.flatMap(sudoersLines);
  const aliases = new Set(lines.flatMap(aliasesOf));
  const asksForAnother =
    lines.some((line) => ASKS_FOR_ANOTHER.test(line)) && !lines.some((line) => ASKS_AFTER_ALL.test(line));
  return lines.some((line) => {
    if (SETTING.test(line)) return false;
    const users = usersOf(line);
    if (users === null) return true;
    return users.some((user) => {
      // The usual rule of that form: everybody may, with the password of the target.
      if (user === 'ALL') return !asksForAnother || /\bNOPASSWD\b/.test(line);
      return !aliases.has(user) && isSudoUser(user, subject);
    });
  });
}

/** Lines without comments, put together where they go on. `#` and digits is a user, not a comment. */
function sudoersLines(text: string): string[] {
  const whole = text.replaceAll('\r', '').replaceAll(/\\\n[ \t]*/g, ' ');
  return whole.split('\n').flatMap((line) => {
    const trimmed = line.trim();
    if (/^#include(dir)?\s/.test(trimmed)) return [trimmed];
    const bare = trimmed.replace(/^((?:"[^"]*"|\\.|[^"\\#]|#(?=-?\d))*)#(?!-?\d).*$/, '$1').trim();
    return bare === '' ? [] : [bare];
  });
}

function aliasesOf(line: string): string[] {
  const definitions = /^User_Alias\s+(.*)$/.exec(line)?.[1];
  return [...(definitions ?? '').matchAll(/(?:^|:)\s*([A-Z][A-Z0-9_]*)\s*=/g)].map(([, name = '']) => name);
}

/** Whom a rule, or an alias of users, is about; null when the line says nothing that is understood. */
function usersOf(line: string): string[] | null {
  const masked = maskQuotes(line);
  if (masked === null) return null;
  const { text, reveal } = masked;
  const definitions = /^User_Alias\s+(.*)$/.exec(text)?.[1];
  const [first = '', ...others] = text.split(/(?<!\\)=/);
  if (definitions === undefined && others.length === 0) return null;
  // Of a rule, what stands before the hosts; commas may have blanks around them.
  const list =
    definitions === undefined
      ? (first
          .replaceAll(/\s*,\s*/g, ',')
          .replaceAll(/!\s*/g, '')
          .trim()
          .split(/(?<!\\)\s/)[0] ?? '')
      : definitions.replaceAll(/(?:^|:)\s*[A-Z][A-Z0-9_]*\s*=/g, ',').replaceAll('!', '');
  const words = list.split(/(?<!\\),/).map((word) => word.trim());
  return words.filter((word) => word !== '').map((word) => unescape(reveal(word)));
}

/** Quoted text in the place of which stands a sign without a meaning; null when a quote has no end. */
function maskQuotes(line: string): { text: string; reveal: (word: string) => string } | null {
  const quoted: string[] = [];
  const text = line.replaceAll(
    /"((?:[^"\\]|\\.)*)"/g,
    (_, inner: string) => `\u0001${String(quoted.push(inner) - 1)}\u0002`,
  );
  if (/(?<!\\)"/.test(text)) return null;
  return {
    text,
    reveal: (word) => word.replaceAll(/\u0001(\d+)\u0002/g, (_, index: string) => quoted[Number(index)] ?? ''),
  };
}

function unescape(word: string): string {
  return word.replaceAll(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex: string | undefined, other: string | undefined) =>
    hex === undefined ? (other ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** A path as sudoers writes it: in quotes, or with escapes. */
function plain(path: string): string | null {
  const masked = maskQuotes(path);
  return masked === null ? null : unescape(masked.reveal(masked.text));
}

/** sudo compares names without regard to case unless told otherwise. */
function isSudoUser(user: string, { name, uid, groups }: Subject): boolean {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  // A netgroup, or a group of a plug-in: who is in it is not known here.
  if (user.startsWith('+') || user.startsWith('%:')) return true;
  if (user.startsWith('%#')) return groups.some(({ gid }) => gid === Number(user.slice(2)));
  if (user.startsWith('%')) return groups.some((group) => same(group.name, user.slice(1)));
  if (user.startsWith('#')) return Number(user.slice(1)) === uid;
  return same(user, name);
}

/** `permit [options] identity …`; the identity is a user, `:group`, or a number. Any word of the line counts as one. */
function doasGrants(text: string, { name, uid, groups }: Subject): boolean {
  const subjects = new Set([
    name,
    String(uid),
    ...groups.flatMap((group) => [`:${group.name}`, `:${String(group.gid)}`]),
  ]);
  const lines = text.replaceAll('\r', '').replaceAll(/\\\n/g, ' ').split('\n');
  return lines.some((line) => {
    const words = (line.replace(/#.*$/, '').match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
    if (words.length === 0 || words[0] === 'deny') return false;
    return words[0] !== 'permit' || words.some((word) => subjects.has(word));
  });
}

const POLKIT_IDENTITY = /unix-(user|group|netgroup):([^\s;,"'`\])]+)/g;

/** Whom polkit calls an administrator; code that makes the list of something else names everybody, as far as can be seen. */
function polkitGrants(text: string, { name, uid, groups }: Subject): boolean {
  const identities = [...text.matchAll(POLKIT_IDENTITY)];
  if (identities.length === 0) return text.replaceAll(/\/\/.*$/gm, '').includes('addAdminRule');
  return identities.some(([, kind, who = '']) => {
    if (kind === 'netgroup') return true;
    if (kind === 'group') return groups.some((group) => group.name === who || String(group.gid) === who);
    return who === name || who === String(uid);
  });
}
