/** One reset on a Linux instance: resolve, refuse, apply, prove, finish. */
import type { AccountReader } from './account-reader.ts';
import type { AccountRefusal, LinuxAccount } from './accounts.ts';
import { safeDetail } from './detail.ts';
import type { PasswordTool } from './password-tool.ts';
import type {
  PreparedScript,
  ScriptCode,
  ScriptOutcome,
  ScriptRequest,
  ScriptRunner,
  ScriptWarning,
} from './script-runner.ts';
import type { SshPolicy } from './ssh-policy.ts';
import type { VerificationWarning } from './verification.ts';
import type { PreparedVerification, Verifier } from './verifier.ts';

export type ResetWarning = VerificationWarning | ScriptWarning | 'must-change-failed';

/** Nothing was changed, or what was changed is not the asked-for password. */
export type ResetFailureCode =
  | AccountRefusal
  | 'account-privileged'
  | 'account-database-unreadable'
  | Exclude<ScriptCode, 'applied'>
  | 'script-unknown'
  | 'password-not-accepted';

export type ResetUnknownCode = 'script-timeout' | 'interrupted' | 'verification-inconclusive';

export type ResetResult =
  | {
      state: 'succeeded';
      verifiedBy: 'login' | 'authenticate' | 'hash';
      warnings: ResetWarning[];
      /** Milliseconds from the call of reset() until the password was set. */
      appliedMs: number;
      /** Milliseconds from the call of reset() until it was proven. */
      verifiedMs: number;
    }
  | { state: 'failed'; code: ResetFailureCode; detail: string }
  | { state: 'outcome-unknown'; code: ResetUnknownCode; detail: string; warnings: ResetWarning[] };

export interface ResetRequest {
  accountName: string;
  /**
   * Opens it; null gives the reset up. Called once, and not before the script has begun, where it may begin without it.
   * Stays the caller's, who zeroes it. Holds neither a line feed nor a NUL byte: the rules have been checked.
   */
  password: () => Promise<Buffer | null>;
  options: { unlock: boolean; unexpire: boolean; mustChange: boolean };
  /** The order allows an account that is root or can become root. */
  privilegedAuthorised: boolean;
  /** Signature checked by the caller. */
  script: { bytes: Buffer; digest: string };
  /** Nothing is touched before it resolves to true; false gives the reset up. At once when absent. */
  begun?: Promise<boolean>;
  signal?: AbortSignal;
}

/** So long may lie between the look at who may become root and the change of the account; and so long may wait ahead. */
const ACCOUNT_AGE_MS_MAX = 50;

export interface LinuxResetter {
  /**
   * Never rejects for a reason that lies in the account, the script or the signal. One at a time on an instance. Null when
   * it was not to begin.
   */
  reset(request: ResetRequest): Promise<ResetResult | null>;
}

export interface LinuxResetterOptions {
  accounts: AccountReader;
  tool: PasswordTool;
  runner: ScriptRunner;
  verifier: Verifier;
  ssh: SshPolicy;
  monotonicMs: () => number;
}

export function createLinuxResetter(options: LinuxResetterOptions): LinuxResetter {
  const { accounts, runner, monotonicMs } = options;
  return {
    async reset(request) {
      const startedMs = monotonicMs();
      const elapsed = () => Math.round(monotonicMs() - startedMs);
      const before = accounts.stamp();
      let script = goAhead(options, request);
      const drop = () => {
        script?.discard();
        script = null;
      };
      const timer = setTimeout(drop, ACCOUNT_AGE_MS_MAX);
      try {
        let admitted = await admit(accounts, request);
        const password = await request.password();
        if ((await request.begun) === false || password === null) return null;
        clearTimeout(timer);
        const isSame = before !== null && accounts.stamp() === before;
        if (!isSame || elapsed() > ACCOUNT_AGE_MS_MAX) {
          drop();
          admitted = await admit(accounts, request);
        }
        if ('state' in admitted) return admitted;
        script ??= runner.prepare(scriptRequest(request, { phase: 'apply', lockMarks: admitted.lockMarks }));
        return await applyAndProve(options, request, { account: admitted, script, password, elapsed });
      } finally {
        clearTimeout(timer);
        drop();
        runner.standBy();
      }
    },
  };
}

/**
 * Has the script begin before it is known whether the reset does, where it then only comes as far as a `chpasswd` that
 * waits for its line: should the agent die, that ends without one, and nothing is left to be done behind it. With a lock
 * that is to be kept the script would make a directory of its own first.
 */
function goAhead({ accounts, runner, tool }: LinuxResetterOptions, request: ResetRequest): PreparedScript | null {
  const { unlock, unexpire } = request.options;
  if (unlock || unexpire || !tool.readsFirst() || accounts.lockMarks(request.accountName) !== '') return null;
  try {
    return runner.prepare(scriptRequest(request, { phase: 'apply', lockMarks: '', ahead: true }));
  } catch {
    return null; // Whatever it is, the run that begins when it may meets it, and says so.
  }
}

interface Step {
  account: LinuxAccount;
  script: PreparedScript;
  password: Buffer;
  elapsed: () => number;
}

async function applyAndProve(options: LinuxResetterOptions, request: ResetRequest, step: Step): Promise<ResetResult> {
  const applying = step.script.run(step.password, request.signal);
  // After the script has its password: proof needs its own process, which gets ready meanwhile.
  let prepared: PreparedVerification;
  try {
    prepared = options.verifier.prepare();
  } catch (error) {
    await applying; // The password is in use until then.
    throw error;
  }
  try {
    const applied = await applying;
    const stopped = afterApply(applied);
    if (stopped !== null) return stopped;
    return await prove(options, request, step, prepared, {
      appliedMs: step.elapsed(),
      warnings: scriptWarnings(applied),
    });
  } finally {
    prepared.discard();
  }
}

async function admit(accounts: AccountReader, request: ResetRequest): Promise<LinuxAccount | ResetResult> {
  if (request.signal?.aborted === true) return unknown('interrupted', 'before it was started');
  try {
    const resolution = await accounts.resolve(request.accountName, request.signal);
    if (!resolution.ok) return { state: 'failed', code: resolution.code, detail: '' };
    if (resolution.account.privileged && !request.privilegedAuthorised) {
      return { state: 'failed', code: 'account-privileged', detail: '' };
    }
    return resolution.account;
  } catch (error) {
    return { state: 'failed', code: 'account-database-unreadable', detail: safeDetail(String(error)) };
  }
}

function afterApply(outcome: ScriptOutcome): ResetResult | null {
  switch (outcome.kind) {
    case 'not-run':
      return { state: 'failed', code: outcome.code, detail: outcome.detail };
    case 'interrupted':
      return unknown(outcome.code, outcome.detail);
    case 'done':
      return outcome.code === 'applied' ? null : { state: 'failed', code: outcome.code, detail: outcome.detail };
    default:
      return outcome satisfies never;
  }
}

interface Applied {
  appliedMs: number;
  warnings: ResetWarning[];
}

async function prove(
  { runner, ssh }: LinuxResetterOptions,
  request: ResetRequest,
  { account, password, elapsed }: Step,
  prepared: PreparedVerification,
  { appliedMs, warnings }: Applied,
): Promise<ResetResult> {
  const { signal } = request;
  const verifying = prepared.verify(request.accountName, password, signal);
  const sshAnswer = ssh.warningsFor(account, signal); // beside the proof, not before it; never rejects
  let verdict;
  try {
    verdict = await verifying;
  } catch (error) {
    return unknown(
      signal?.aborted === true ? 'interrupted' : 'verification-inconclusive',
      safeDetail(String(error), password),
      warnings,
    );
  }
  const verifiedMs = elapsed();
  const found = [...warnings, ...verdict.warnings, ...(await sshAnswer)];
  if (verdict.verifiedBy === null) {
    if (verdict.code === 'password-not-accepted')
      return { state: 'failed', code: verdict.code, detail: 'the stored hash is not that of the new password' };
    return unknown(verdict.code, '', found);
  }
  if (request.options.mustChange) {
    // Only now: a password that must be changed cannot be proven by a login.
    const finished = await runner
      .prepare(scriptRequest(request, { phase: 'finish', lockMarks: null }))
      .run(null, signal);
    if (finished.kind !== 'done' || finished.code !== 'applied') found.push('must-change-failed');
  }
  return { state: 'succeeded', verifiedBy: verdict.verifiedBy, warnings: found, appliedMs, verifiedMs };
}

const scriptRequest = (
  { script, accountName, options }: ResetRequest,
  how: Pick<ScriptRequest, 'phase' | 'lockMarks'> & Partial<Pick<ScriptRequest, 'ahead'>>,
): ScriptRequest => ({ ...script, accountName, options, ahead: false, ...how });

const scriptWarnings = (outcome: ScriptOutcome): ResetWarning[] =>
  outcome.kind === 'done' ? [...outcome.warnings] : [];

const unknown = (code: ResetUnknownCode, detail: string, warnings: ResetWarning[] = []): ResetResult => ({
  state: 'outcome-unknown',
  code,
  detail,
  warnings,
});
