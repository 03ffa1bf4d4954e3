import {
  AccountName,
  defaultAccount,
  RESET_CONCURRENCY_DEFAULT,
  RESET_CONCURRENCY_MAX,
  TARGETS_MAX,
  type Instance,
  type OperatingSystem,
  type PlanReset,
  type Reset,
  type ResetOptions,
} from '#protocol';
import type * as z from 'zod';
import type { RuleTarget } from './rules.ts';

/** What the dialog needs to know of an instance. */
export interface ResetTarget extends Readonly<Pick<Instance, 'id' | 'os'>> {
  readonly name: string;
}

/** The reset whose failures are tried again, with the terms that it had. */
export type RetriedReset = Pick<Reset, 'id' | 'account' | 'options' | 'concurrency' | 'stopAfterFailures'>;

/** What stands in the dialog, but for the password, which is kept apart. */
export interface ResetForm {
  /** Empty: the default account of the system. */
  readonly account: string;
  readonly options: ResetOptions;
  readonly supersede: boolean;
  readonly skipBlocked: boolean;
  /** As typed. */
  readonly concurrency: string;
  /** As typed; empty: never. */
  readonly stopAfter: string;
}

export function emptyForm(retried: RetriedReset | null): ResetForm {
  return {
    account: retried?.account ?? '',
    options: retried?.options ?? { unlock: false, unexpire: false, mustChange: false },
    supersede: false,
    skipBlocked: false,
    concurrency: String(retried?.concurrency ?? RESET_CONCURRENCY_DEFAULT),
    stopAfter: String(retried?.stopAfterFailures ?? ''),
  };
}

/** The account as it is asked for; `undefined` where what was typed cannot be one. */
export function accountOf({ account }: Pick<ResetForm, 'account'>): AccountName | null | undefined {
  return account.trim() === '' ? null : AccountName.safeParse(account.trim()).data;
}

export function concurrencyOf({ concurrency }: Pick<ResetForm, 'concurrency'>): number | undefined {
  return wholeNumber(concurrency, RESET_CONCURRENCY_MAX);
}

/** Null: never; `undefined`: not a number that fits. */
export function stopAfterOf({ stopAfter }: Pick<ResetForm, 'stopAfter'>): number | null | undefined {
  return stopAfter.trim() === '' ? null : wholeNumber(stopAfter, TARGETS_MAX);
}

function wholeNumber(text: string, max: number): number | undefined {
  const number = /^\d{1,6}$/.test(text.trim()) ? Number(text) : 0;
  return number >= 1 && number <= max ? number : undefined;
}

/** What the control plane is asked to plan; null while something in the form is not valid. */
export function planRequestOf(
  form: ResetForm,
  targets: readonly ResetTarget[],
  retried: Pick<RetriedReset, 'id'> | null,
): z.output<typeof PlanReset> | null {
  const [account, concurrency, stopAfterFailures] = [accountOf(form), concurrencyOf(form), stopAfterOf(form)];
  if (account === undefined || concurrency === undefined || stopAfterFailures === undefined) return null;
  if (targets.length === 0 || systemsOf(targets).length > 1) return null;
  return {
    targets: { instances: targets.map(({ id }) => id), tags: [] },
    mode: 'online',
    account,
    options: form.options,
    supersede: form.supersede,
    concurrency,
    stopAfterFailures,
    retryOf: retried?.id ?? null,
  };
}

/** The systems among them, Linux first. */
export function systemsOf(targets: readonly Pick<ResetTarget, 'os'>[]): readonly OperatingSystem[] {
  return (['linux', 'windows'] as const).filter((os) => targets.some((target) => target.os === os));
}

/** Whose rules the password has to meet, as far as the form says it. */
export function ruleTargetsOf(form: ResetForm, targets: readonly Pick<ResetTarget, 'os'>[]): readonly RuleTarget[] {
  return systemsOf(targets).map((os) => ({ os, account: accountOf(form) ?? defaultAccount(os) }));
}
