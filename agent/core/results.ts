import {
  AccountName,
  DETAIL_CHARS_MAX,
  printable,
  RESET_LIFETIME_MS_MAX,
  signJson,
  TaskResult,
  type AccountRef,
  type Digest,
  type InstanceId,
  type ResultCode,
  type Signer,
} from '#protocol';
import type { AcceptedRecord, ResultRecord } from '../domain/ledger.ts';
import type { ResetOutcome } from '../ports.ts';

/** Where a task ended without the reset being tried, or without its end being seen. */
export interface Refusal {
  readonly state: 'failed' | 'outcome-unknown';
  readonly code: ResultCode;
  readonly detail: string | null;
}

/** What a result speaks of. */
export interface ResultSubject {
  readonly task: Pick<AcceptedRecord, 'taskId' | 'resetId' | 'generation' | 'notAfter'>;
  readonly sealedDigest: Digest;
  /** As resolved, or as ordered. */
  readonly account: AccountRef;
  /** Whether the script may have been started. */
  readonly begun: boolean;
  /** From the order's arrival until the reset was called, in milliseconds. */
  readonly waitedMs: number;
}

/** The instance's signed word on a task, as the journal keeps it. */
export async function signResult(
  signer: Signer,
  instanceId: InstanceId,
  subject: ResultSubject,
  outcome: ResetOutcome | Refusal,
): Promise<ResultRecord> {
  const { account, sealedDigest, waitedMs } = subject;
  const { taskId, resetId, generation, notAfter } = subject.task;
  const who = { v: 1, taskId, resetId, instanceId, account, generation, sealedDigest };
  const body = TaskResult.parse({ ...who, state: outcome.state, ...endOf(outcome, waitedMs) });
  const result = await signJson(signer, 'result', body);
  const name = AccountName.safeParse(account);
  const applied = subject.begun && name.success ? { account: name.data, generation } : null;
  return { kind: 'result', taskId, resetId, account, notAfter, sealedDigest, result, applied };
}

function endOf(outcome: ResetOutcome | Refusal, waitedMs: number) {
  const warnings = 'warnings' in outcome ? [...new Set(outcome.warnings)] : [];
  if (outcome.state !== 'succeeded') {
    const { code, detail } = outcome;
    const shown = detail === null || detail === '' ? null : printable(detail, DETAIL_CHARS_MAX);
    return { code, detail: shown, verifiedBy: null, warnings, appliedMs: null, verifiedMs: null };
  }
  const since = (ms: number) => Math.min(RESET_LIFETIME_MS_MAX, Math.max(0, Math.round(waitedMs + ms)));
  const { verifiedBy, appliedMs, verifiedMs } = outcome;
  const measured = { appliedMs: since(appliedMs), verifiedMs: since(verifiedMs) };
  return { code: null, detail: null, verifiedBy, warnings, ...measured };
}
