import { accountOf, concurrencyOf, stopAfterOf, type ResetForm } from './form.ts';
import type { Rule } from './rules.ts';
import { obstacleOf, type Consent, type JudgedPlan } from './start.ts';

/** What has to be mended in the dialog before anything is sent. */
export type Missing = 'account' | 'password' | 'again' | 'concurrency' | 'stopAfter' | 'blocked' | 'strangers';

export interface Filled {
  readonly form: ResetForm;
  readonly password: string;
  readonly again: string;
  readonly rules: readonly Rule[];
  /** As it was last asked for; it is asked for again before anything is sent. */
  readonly judged: JudgedPlan | null;
  readonly consent: Consent;
}

export function missingOf({ form, password, again, rules, judged, consent }: Filled): ReadonlySet<Missing> {
  const missing = new Set<Missing>();
  if (accountOf(form) === undefined) missing.add('account');
  if (rules.some(({ state }) => state === 'open')) missing.add('password');
  if (password !== again) missing.add('again');
  if (concurrencyOf(form) === undefined) missing.add('concurrency');
  if (stopAfterOf(form) === undefined) missing.add('stopAfter');
  const obstacle = judged === null ? null : obstacleOf(judged, consent);
  if (obstacle?.kind === 'blocked' || obstacle?.kind === 'strangers') missing.add(obstacle.kind);
  return missing;
}
