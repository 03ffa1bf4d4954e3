import * as z from 'zod';
import type { OperatingSystem } from './ids.ts';

/** The rules come from the vendor document that this system is modelled on; operators may tighten them. */
export const PASSWORD_CHARS_MIN = 8;
export const PASSWORD_CHARS_MAX = 26;
export const PASSWORD_CLASSES_MIN = 3;
/** Windows: a password may not hold a run of this many characters of the account's name. */
const ACCOUNT_RUN_CHARS = 3;

export const PASSWORD_SPECIALS = { linux: '!@%-_=+[]:./^,{}?', windows: '!@%-_=+[]:./?' } as const satisfies Record<
  OperatingSystem,
  string
>;

export const PasswordViolation = z.enum([
  'length',
  'classes',
  'character',
  'contains-account',
  'contains-account-reversed',
  'account-run',
  'leading-slash',
]);
export type PasswordViolation = z.infer<typeof PasswordViolation>;

/** How an operator tightens the rules; it travels in the signed order, because the agent has the last word. */
export const PasswordPolicy = z.strictObject({
  /** Characters, at least 8. */
  charsMin: z.int().min(PASSWORD_CHARS_MIN).max(PASSWORD_CHARS_MAX),
  /** How many of upper case, lower case, digits and special characters must occur: 3 or 4. */
  classesMin: z.int().min(PASSWORD_CLASSES_MIN).max(4),
});
export type PasswordPolicy = z.infer<typeof PasswordPolicy>;

export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = {
  charsMin: PASSWORD_CHARS_MIN,
  classesMin: PASSWORD_CLASSES_MIN,
};

export interface PasswordCandidate {
  readonly os: OperatingSystem;
  /** The resolved name; null where it is not known yet (the built-in administrator before the agent has looked). */
  readonly account: string | null;
  readonly password: string;
  readonly policy?: PasswordPolicy;
}

/** Every rule that the password breaks, in the order of the enumeration; empty when it is good. */
export function passwordViolations(candidate: PasswordCandidate): PasswordViolation[] {
  return PasswordViolation.options.filter((rule) => BROKEN[rule](candidate));
}

const BROKEN: Record<PasswordViolation, (candidate: PasswordCandidate) => boolean> = {
  length: ({ password, policy }) => {
    const chars = [...password].length;
    return chars < (policy ?? DEFAULT_PASSWORD_POLICY).charsMin || chars > PASSWORD_CHARS_MAX;
  },
  classes: ({ os, password, policy }) => classesIn(password, os) < (policy ?? DEFAULT_PASSWORD_POLICY).classesMin,
  character: ({ os, password }) => [...password].some((char) => !isAllowed(char, os)),
  'contains-account': ({ account, password }) => contains(password, account),
  'contains-account-reversed': ({ account, password }) =>
    contains(password, account === null ? null : [...account].reverse().join('')),
  'account-run': ({ os, account, password }) =>
    os === 'windows' && account !== null && runsOf(account).some((run) => contains(password, run)),
  'leading-slash': ({ os, password }) => os === 'windows' && password.startsWith('/'),
};

function classesIn(password: string, os: OperatingSystem): number {
  const special = (char: string) => PASSWORD_SPECIALS[os].includes(char);
  const classes = [/[A-Z]/, /[a-z]/, /[0-9]/].filter((pattern) => pattern.test(password)).length;
  return classes + ([...password].some(special) ? 1 : 0);
}

function isAllowed(char: string, os: OperatingSystem): boolean {
  return /^[A-Za-z0-9]$/.test(char) || PASSWORD_SPECIALS[os].includes(char);
}

function contains(password: string, part: string | null): boolean {
  return part !== null && part !== '' && password.toLowerCase().includes(part.toLowerCase());
}

function runsOf(account: string): string[] {
  const runs: string[] = [];
  for (let at = 0; at + ACCOUNT_RUN_CHARS <= account.length; at += 1) {
    runs.push(account.slice(at, at + ACCOUNT_RUN_CHARS));
  }
  return runs;
}

const SENTENCES: Record<PasswordViolation, (os: OperatingSystem, policy: PasswordPolicy) => string> = {
  length: (_, policy) => `must have ${String(policy.charsMin)} to ${String(PASSWORD_CHARS_MAX)} characters`,
  classes: (_, policy) =>
    `must mix at least ${String(policy.classesMin)} of upper case, lower case, digits and special characters`,
  character: (os) => `may hold letters, digits and ${PASSWORD_SPECIALS[os]} only`,
  'contains-account': () => 'must not contain the user name',
  'contains-account-reversed': () => 'must not contain the user name spelled backwards',
  'account-run': () => 'must not contain three consecutive characters of the user name',
  'leading-slash': () => 'must not start with /',
};

/** The rule as a sentence that completes "The password …". */
export function explainViolation(
  rule: PasswordViolation,
  os: OperatingSystem,
  policy: PasswordPolicy = DEFAULT_PASSWORD_POLICY,
): string {
  return SENTENCES[rule](os, policy);
}

const GENERATED_CHARS = 20;
/** Far beyond chance: reached only where no password can be good, as with accounts named `a` to `z`. */
const GENERATED_ATTEMPTS_MAX = 10_000;
const GENERATED_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!@%-_=+.?';

/**
 * A password that meets the rules of every named OS, uniform over those of its length that do. `randomBytes` must be
 * cryptographic. 20 characters of 71 are 123 bits; there are more where the policy asks for more. Throws when no password
 * meets the rules of all targets.
 */
export function generatePassword(options: {
  readonly targets: readonly { readonly os: OperatingSystem; readonly account: string | null }[];
  readonly randomBytes: (count: number) => Uint8Array;
  readonly policy?: PasswordPolicy;
}): string {
  const policy = options.policy === undefined ? {} : { policy: options.policy };
  const length = Math.max(GENERATED_CHARS, options.policy?.charsMin ?? 0);
  for (let attempt = 0; attempt < GENERATED_ATTEMPTS_MAX; attempt += 1) {
    const password = Array.from({ length }, () => pick(GENERATED_ALPHABET, options.randomBytes)).join('');
    const good = options.targets.every((target) => passwordViolations({ ...target, ...policy, password }).length === 0);
    // Rejection keeps the choice uniform; about one in a hundred is refused.
    if (good) return password;
  }
  throw new RangeError('no password meets the rules of every target');
}

function pick(alphabet: string, randomBytes: (count: number) => Uint8Array): string {
  const limit = 256 - (256 % alphabet.length);
  for (;;) {
    const byte = randomBytes(1)[0];
    if (byte === undefined) throw new TypeError('the random source gave no byte');
    if (byte < limit) return alphabet.charAt(byte % alphabet.length);
  }
}
