import type { AccountName } from '#protocol';

/** What root of the instance allows, whatever the control plane says. It only narrows. */
export interface LocalPolicy {
  /** The accounts that may be reset; null means any. */
  readonly accounts: readonly string[] | null;
  /** How many resets may be started within an hour; null means any number. */
  readonly resetsPerHour: number | null;
  /** Whether a terminal may be opened. */
  readonly terminal: boolean;
}

export const OPEN_POLICY: LocalPolicy = { accounts: null, resetsPerHour: null, terminal: true };

const HOUR_MS = 3_600_000;

/** When a reset was started: by the boot's own clock, and by the wall clock for what an earlier boot did. */
export interface StartedAt {
  readonly bootId: string;
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export type PolicyVerdict =
  | { allow: true; rule: 'local-policy' }
  | { allow: false; rule: 'policy-unreadable' | 'accounts' | 'resets-per-hour'; code: PolicyRefusal };

export type PolicyRefusal = 'policy-invalid' | 'policy-account-refused' | 'policy-rate-refused';

/** Deny by default: a policy that cannot be read allows nothing. */
export function judgePolicy(
  policy: LocalPolicy | null,
  account: AccountName,
  started: readonly StartedAt[],
  now: StartedAt,
): PolicyVerdict {
  if (policy === null) return { allow: false, rule: 'policy-unreadable', code: 'policy-invalid' };
  if (policy.accounts !== null && !policy.accounts.includes(account)) {
    return { allow: false, rule: 'accounts', code: 'policy-account-refused' };
  }
  const recent = started.filter((at) => isWithinHour(at, now)).length;
  if (policy.resetsPerHour !== null && recent >= policy.resetsPerHour) {
    return { allow: false, rule: 'resets-per-hour', code: 'policy-rate-refused' };
  }
  return { allow: true, rule: 'local-policy' };
}

/** Within one boot the wall clock is not asked, so that setting it does not empty the count. */
export function isWithinHour(at: StartedAt, now: StartedAt): boolean {
  if (at.bootId === now.bootId) return now.monotonicMs - at.monotonicMs < HOUR_MS;
  return Math.abs(now.wallMs - at.wallMs) < HOUR_MS;
}
