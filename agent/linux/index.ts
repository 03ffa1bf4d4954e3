/** All effects on a Linux instance. */
export { createAccountReader } from './account-reader.ts';
export type { AccountReader } from './account-reader.ts';
export { isSafeAccountName, resolveAccount } from './accounts.ts';
export type { AccountRefusal, AccountResolution, LinuxAccount } from './accounts.ts';
export { createComponentProbes } from './components.ts';
export type { ComponentCode, ComponentHealth, ComponentName, ComponentProbes } from './components.ts';
export { createDatabaseLocks } from './database-lock.ts';
export type { DatabaseLocks, LockHolder } from './database-lock.ts';
export { createLinuxResetter } from './reset-linux.ts';
export type {
  LinuxResetter,
  ResetFailureCode,
  ResetPhase,
  ResetRequest,
  ResetResult,
  ResetUnknownCode,
  ResetWarning,
} from './reset-linux.ts';
export { createScriptRunner, SCRIPT_CODES } from './script-runner.ts';
export type { ScriptCode, ScriptOutcome, ScriptRunner, ScriptWarning } from './script-runner.ts';
export { createScriptStore } from './script-store.ts';
export { createSshPolicy } from './ssh-policy.ts';
export { createVerifier } from './verifier.ts';
export type { Verifier } from './verifier.ts';
export { judgeVerification } from './verification.ts';
export type { Verdict, VerificationWarning } from './verification.ts';
