/** What the evidence about a new password proves. Pure. */
import type { LinuxAccount } from './accounts.ts';
import type { HelperEvidence } from './evidence.ts';

/** In the words of the protocol. */
export type VerificationWarning =
  // authenticate: the password is right, the account is not usable
  | 'account-expired'
  | 'password-aged-out'
  | 'password-must-change'
  | 'login-denied'
  // hash: a login could not be tried, or was refused for another reason than the password
  | 'account-locked'
  | 'nologin-shell'
  | 'second-factor'
  | 'faillock'
  | 'login-not-tried'
  // beside any of them: what SSH will say
  | 'ssh-password-forbidden'
  | 'ssh-root-forbidden';

export type Verdict =
  | { verifiedBy: 'login' | 'authenticate' | 'hash'; warnings: VerificationWarning[] }
  /** `password-not-accepted`: the stored hash is another password's. */
  | { verifiedBy: null; code: 'verification-inconclusive' | 'password-not-accepted'; warnings: VerificationWarning[] };

export type VerificationAccount = Pick<
  LinuxAccount,
  'uid' | 'lock' | 'shellUsable' | 'expired' | 'agedOut' | 'inactive' | 'mustChange'
>;

export interface VerificationEvidence {
  account: VerificationAccount;
  /** null where no helper answered at all. */
  helper: HelperEvidence | null;
  /** A service of PAM was found to ask. */
  pamPresent: boolean;
  /** The helper that was asked to authenticate did not answer in time; `helper` then holds the hash comparison. */
  timedOut: boolean;
  faillock: { failures: number; deny: number };
}

const PAM_SUCCESS = 0;
const PAM_NEW_AUTHTOK_REQUIRED = 12;
const PAM_ACCT_EXPIRED = 13;
const PAM_AUTHTOK_EXPIRED = 27;

/** Whether a login is worth an attempt: one that cannot succeed would only count against the account. */
export const mayAuthenticate = (account: VerificationAccount): boolean =>
  account.shellUsable && account.lock !== 'locked';

export function judgeVerification(evidence: VerificationEvidence): Verdict {
  const { helper } = evidence;
  if (helper === null) return inconclusive(evidence.timedOut ? ['login-not-tried'] : []);
  // Success without the question proves nothing about the password.
  const asked = helper.hiddenPrompts === 1 && helper.visiblePrompts === 0;
  if (helper.authenticate === PAM_SUCCESS && asked) {
    if (helper.account === PAM_SUCCESS) return { verifiedBy: 'login', warnings: [] };
    return { verifiedBy: 'authenticate', warnings: whyNotUsable(evidence.account, helper.account) };
  }
  const warnings = whyNoLogin(evidence, helper, asked);
  switch (helper.hash) {
    case 'match':
      return { verifiedBy: 'hash', warnings };
    case 'mismatch':
      return { verifiedBy: null, code: 'password-not-accepted', warnings: [] };
    case 'absent':
    case 'unsupported':
    case 'not-tried':
      return inconclusive(warnings);
    default:
      return helper.hash satisfies never;
  }
}

const inconclusive = (warnings: VerificationWarning[]): Verdict => ({
  verifiedBy: null,
  code: 'verification-inconclusive',
  warnings,
});

/** Stacks often turn pam_unix's own answer into a plain refusal, so the account's dates speak first. */
function whyNotUsable(account: VerificationAccount, code: number | null): VerificationWarning[] {
  const warnings: VerificationWarning[] = [];
  if (account.expired || code === PAM_ACCT_EXPIRED) warnings.push('account-expired');
  if (account.inactive || account.agedOut || code === PAM_AUTHTOK_EXPIRED) warnings.push('password-aged-out');
  if (account.mustChange || (code === PAM_NEW_AUTHTOK_REQUIRED && !account.agedOut))
    warnings.push('password-must-change');
  return warnings.length > 0 ? warnings : ['login-denied'];
}

function whyNoLogin(evidence: VerificationEvidence, helper: HelperEvidence, asked: boolean): VerificationWarning[] {
  const { account } = evidence;
  const warnings: VerificationWarning[] = [];
  if (account.lock === 'locked') warnings.push('account-locked');
  if (!account.shellUsable) warnings.push('nologin-shell');
  if (account.expired) warnings.push('account-expired');
  if (warnings.some((warning) => warning !== 'account-expired')) return warnings; // no login was tried
  if (!wasTried(evidence, helper, asked)) return [...warnings, 'login-not-tried'];
  if (helper.hiddenPrompts > 1 || helper.visiblePrompts > 0) return [...warnings, 'second-factor'];
  if (evidence.faillock.failures >= evidence.faillock.deny) return [...warnings, 'faillock'];
  return [...warnings, 'login-denied'];
}

/** Whether PAM was asked, answered in time, and asked for the password before it let somebody in. */
function wasTried({ timedOut, pamPresent }: VerificationEvidence, helper: HelperEvidence, asked: boolean): boolean {
  if (timedOut || !pamPresent || helper.error !== '' || helper.authenticate === null) return false;
  return helper.authenticate !== PAM_SUCCESS || asked || helper.hiddenPrompts > 0;
}
