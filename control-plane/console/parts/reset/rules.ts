import {
  explainViolation,
  generatePassword,
  PasswordViolation,
  passwordViolations,
  randomBytes,
  RID_500,
  type AccountRef,
  type OperatingSystem,
  type PasswordPolicy,
} from '#protocol';

/** Whose rules a password has to meet. */
export interface RuleTarget {
  readonly os: OperatingSystem;
  readonly account: AccountRef;
}

/** `later`: the instance decides, since only it knows how the built-in administrator is called. */
export type RuleState = 'met' | 'open' | 'later';

export interface Rule {
  /** Completes "The password …". */
  readonly text: string;
  readonly state: RuleState;
}

const ABOUT_THE_NAME: ReadonlySet<PasswordViolation> = new Set([
  'contains-account',
  'contains-account-reversed',
  'account-run',
]);
const WINDOWS_ONLY: ReadonlySet<PasswordViolation> = new Set(['account-run', 'leading-slash']);

/** Every rule of every system among the targets once, and whether this password meets it. */
export function rulesFor(targets: readonly RuleTarget[], policy: PasswordPolicy, password: string): readonly Rule[] {
  const rules = new Map<string, Rule>();
  for (const { os, account } of kindsOf(targets)) {
    const name = nameOf(account);
    const broken = new Set(passwordViolations({ os, account: name, password, policy }));
    for (const id of PasswordViolation.options) {
      if (WINDOWS_ONLY.has(id) && os !== 'windows') continue;
      const text = explainViolation(id, os, policy);
      const state = name === null && ABOUT_THE_NAME.has(id) ? 'later' : stateOf(password, broken.has(id));
      // What two systems ask for in the same words has to be met on both.
      if (rules.get(text)?.state !== 'open') rules.set(text, { text, state });
    }
  }
  return [...rules.values()];
}

/** Nothing has been typed yet: no rule is met, not even those that an empty text cannot break. */
function stateOf(password: string, isBroken: boolean): RuleState {
  return password === '' || isBroken ? 'open' : 'met';
}

/** A password that meets all of their rules; see `generatePassword`. */
export function generateFor(targets: readonly RuleTarget[], policy: PasswordPolicy): string {
  return generatePassword({
    targets: kindsOf(targets).map(({ os, account }) => ({ os, account: nameOf(account) })),
    policy,
    randomBytes,
  });
}

function kindsOf(targets: readonly RuleTarget[]): readonly RuleTarget[] {
  return [...new Map(targets.map((target) => [`${target.os} ${target.account}`, target])).values()];
}

function nameOf(account: AccountRef): string | null {
  return account === RID_500 ? null : account;
}
