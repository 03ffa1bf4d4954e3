/** All effects on a Linux instance. */
export { createAccountReader } from './account-reader.ts';
export { createComponentProbes } from './components.ts';
export type { ComponentHealth } from './components.ts';
export { createDatabaseLocks } from './database-lock.ts';
export { createLinuxResetter } from './reset-linux.ts';
export type { ResetResult } from './reset-linux.ts';
export { createPasswordTool } from './password-tool.ts';
export { createScriptRunner } from './script-runner.ts';
export { createScriptStore } from './script-store.ts';
export { createSshPolicy } from './ssh-policy.ts';
export { refillAfterMs } from './standby.ts';
export { createVerifier } from './verifier.ts';
export type { Verdict } from './verification.ts';
