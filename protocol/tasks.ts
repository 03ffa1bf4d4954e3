import * as z from 'zod';

/** Online: at once, through the agent. Offline: at the next boot, through the reset plug-in. */
export const ResetMode = z.enum(['online', 'offline']);
export type ResetMode = z.infer<typeof ResetMode>;

export const ResetOptions = z.strictObject({
  /** Remove a lock of the account (and a tally of failed logins); without it a lock stays. */
  unlock: z.boolean().default(false),
  /** Remove the expiry of the account. */
  unexpire: z.boolean().default(false),
  /** Ask for another password at the first login; set only after the new one has been proven. */
  mustChange: z.boolean().default(false),
});
export type ResetOptions = z.infer<typeof ResetOptions>;

/** The states of a task; the transitions between them stand in the control plane's domain. */
export const TaskState = z.enum([
  'pending',
  'staged',
  'awaiting-boot',
  'dispatched',
  'accepted',
  'running',
  'succeeded',
  'failed',
  'outcome-unknown',
  'task-expired',
  'cancelled',
  'superseded',
  'blocked',
]);
export type TaskState = z.infer<typeof TaskState>;

/**
 * How a reset stands as a whole. `paused`: nothing more of it is sent until it is resumed. `stopped`: too many of its
 * instances failed, and what had not been sent by then was cancelled. `finished`: none of its tasks is open any more.
 */
export const ResetState = z.enum(['running', 'paused', 'stopped', 'finished']);
export type ResetState = z.infer<typeof ResetState>;

/** As what a task counts in the sums of a reset; `pending` is everything that is still to come to an end. */
export const TASK_COUNTS_AS = {
  pending: 'pending',
  staged: 'pending',
  'awaiting-boot': 'pending',
  dispatched: 'pending',
  accepted: 'pending',
  running: 'pending',
  succeeded: 'succeeded',
  failed: 'failed',
  'outcome-unknown': 'failed',
  'task-expired': 'failed',
  cancelled: 'failed',
  superseded: 'failed',
  blocked: 'blocked',
} as const satisfies Record<TaskState, 'pending' | 'succeeded' | 'failed' | 'blocked'>;

/** How a success was proven; `login` is the whole of it, the others come with warnings that name the cause. */
export const VerifiedBy = z.enum(['login', 'authenticate', 'hash']);
export type VerifiedBy = z.infer<typeof VerifiedBy>;

/** Why a password that was set may not let its owner in. */
export const Warning = z.enum([
  'account-locked',
  'account-expired',
  'password-aged-out',
  'password-must-change',
  'nologin-shell',
  'second-factor',
  'faillock',
  'login-denied',
  'login-not-tried',
  'ssh-password-forbidden',
  'ssh-root-forbidden',
  'unlock-failed',
  'unexpire-failed',
  'must-change-failed',
]);
export type Warning = z.infer<typeof Warning>;

const WARNINGS: Record<Warning, string> = {
  'account-locked': 'the account is locked and stays so; reset again with --unlock to open it',
  'account-expired': 'the account has expired; reset again with --unexpire to open it',
  'password-aged-out': 'the account was shut because its password aged out; reset again with --unexpire to open it',
  'password-must-change': 'the next login will ask for another password',
  'nologin-shell': 'the account has no login shell, so a login could not be tried',
  'second-factor': 'logins ask for more than the password, so a login could not be completed',
  faillock: 'the account is shut for a while after failed logins; reset again with --unlock to open it',
  'login-denied': 'the system accepts the password but does not let the account in (an access rule)',
  'login-not-tried': 'a login could not be tried on this system; the stored hash matches',
  'ssh-password-forbidden': 'sshd does not accept passwords for this account',
  'ssh-root-forbidden': 'sshd does not let root in with a password',
  'unlock-failed': 'the lock could not be removed; see why on the instance',
  'unexpire-failed': 'the expiry of the account could not be removed; see why on the instance',
  'must-change-failed': 'the next login will not ask for another password, though that was wanted',
};

/** The warning as a clause for people. */
export function explainWarning(warning: Warning): string {
  return WARNINGS[warning];
}
