import type { CodeEntry } from './entry.ts';

const code = (message: string, remedy: string): CodeEntry => ({ status: null, message, remedy });

/** Codes with which an instance says why a task did not succeed, or why it refused the order. */
export const RESULT_CODES = {
  // The order was refused before anything was touched.
  'order-malformed': code('The order cannot be read.', 'Bring agent and control plane to versions that fit.'),
  'order-bad-signature': code(
    'The signature of the order is wrong.',
    'The control plane or the connection is not what it seems: look into it.',
  ),
  'order-unknown-key': code(
    'The order is signed by a key that the instance does not know.',
    'Deliver the current key set; if there is none with that key, look into it.',
  ),
  'order-wrong-key-role': code(
    'The order is signed by a key that may not sign orders.',
    'Someone used a key for what it is not for: look into it.',
  ),
  'order-revoked-key': code('The order is signed by a revoked key.', 'Someone uses a revoked key: look into it.'),
  'order-other-instance': code('The order is for another instance.', 'Look into how it came here.'),
  'order-other-session': code(
    'The order was made for another session.',
    'A replay, or a fault of the control plane: look into it.',
  ),
  'order-expired': code('The order is too old.', 'Reset again.'),
  'reset-expired': code('The limit that the operator set for this reset has passed.', 'Reset again.'),
  'generation-stale': code('A newer reset of this account was already applied.', 'Nothing to do, or reset again.'),
  'reset-id-reused': code(
    'This reset was already applied once on this instance.',
    'A replay, or a fault of the control plane: look into it.',
  ),
  'script-unknown': code('The script is not of the signed catalogue.', 'Sign the catalogue again with the script key.'),
  'script-withdrawn': code(
    'The script was withdrawn: a newer version of it has been signed since.',
    'Have the control plane send the newer one: install its release and start it again. If it did not send this by mistake, look into it.',
  ),
  'seal-broken': code(
    'The sealed password does not open.',
    'Plan the reset again; if it persists, look into who changed it.',
  ),
  'sealing-key-unknown': code(
    'The password is sealed to a key that the instance no longer has.',
    'Reset again; it will be sealed to the current key.',
  ),
  'instance-overloaded': code(
    'The agent holds or remembers as many resets as it can, and takes no more for now.',
    'Wait until those that are open there have ended or passed their limit, then reset again.',
  ),
  'policy-invalid': code(
    'The local policy of the instance cannot be read, so it allows nothing.',
    'Correct the policy file on the instance, as its root; "latchkey-agent check" says what is wrong with it.',
  ),
  'policy-account-refused': code(
    'The local policy of the instance does not allow this account.',
    'Change the policy file on the instance, as its root.',
  ),
  'policy-rate-refused': code(
    'The local policy of the instance allows no more resets this hour.',
    'Wait, or change the policy file on the instance.',
  ),
  'os-unsupported': code(
    'The agent cannot reset passwords on this operating system.',
    'See the README for what is supported.',
  ),

  // The password or the account.
  'password-rejected': code('The password breaks the rules.', 'Choose one that meets the rules listed in the detail.'),
  'account-not-found': code('The instance has no such account.', 'Check the name; a reset never creates an account.'),
  'account-not-local': code(
    'The account is not local to the instance.',
    'Reset it in the directory that it comes from.',
  ),
  'account-name-unsafe': code('The account name is not one that can be handed on safely.', 'Rename the account.'),
  'account-privileged': code(
    'The account is privileged and was not authorised as such.',
    'Use a token that may reset privileged accounts.',
  ),

  // The account database could not be written.
  'account-database-read-only': code(
    'The account database is on a read-only file system.',
    'Remount it writable; see why it became read-only.',
  ),
  'account-database-immutable': code(
    'A file of the account database is immutable.',
    'chattr -i the file named in the detail.',
  ),
  'account-database-unreadable': code('The account database cannot be read.', 'Repair the file named in the detail.'),
  'account-database-busy': code(
    'A file of the account database is a mount point, so that it cannot be replaced.',
    'Unmount the file named in the detail, or reset the password where it is mounted from.',
  ),
  'account-database-lock-held': code(
    'Another tool holds the lock of the account database.',
    'Find what holds it; remove a stale lock file.',
  ),
  'disk-full': code('The disk is full.', 'Free some space.'),
  'policy-refused': code(
    "The instance's own password policy or history refused the password.",
    'Choose another password.',
  ),
  'pam-broken': code(
    'The PAM configuration of the instance does not work.',
    'Repair /etc/pam.d; the detail has its words.',
  ),
  'selinux-denied': code('SELinux denied the change.', 'See the audit log of the instance (ausearch -m avc).'),
  'script-failed': code('The reset script failed.', 'See the detail.'),
  'script-timeout': code(
    'The reset script took too long and was ended.',
    'See what holds the instance up, then reset again.',
  ),
  'journal-failed': code(
    'The agent could not write its journal, so it did not act.',
    'Check the disk of the instance.',
  ),

  // It acted, and something stands open.
  'verification-inconclusive': code(
    'The password was set, but nothing could prove it.',
    'Log in to see; see the warnings.',
  ),
  'password-not-accepted': code(
    'The system does not accept the new password although the script succeeded.',
    'See the PAM configuration of the instance.',
  ),
  interrupted: code('The reset was interrupted and could not be run again.', 'Reset again.'),
  'no-answer': code(
    'The instance took the order and did not report in time.',
    'Wait: a late result is still taken. Or reset again.',
  ),
} as const satisfies Record<string, CodeEntry>;

/** Codes with which the control plane ends a task by itself. */
export const TASK_CODES = {
  'task-expired': code('The reset was not delivered before its limit.', 'Reset again when the agent is running.'),
  'cancelled-by-operator': code('An operator cancelled it.', 'Nothing to do.'),
  'cancelled-by-restore': code('The control plane was restored from a backup.', 'Reset again.'),
  'stopped-after-failures': code(
    'It was not sent: too many instances of the same reset had failed before.',
    'See why they failed, then retry the reset with --with-cancelled.',
  ),
  'superseded-by-newer': code('A newer reset replaced it.', 'Nothing to do.'),
} as const satisfies Record<string, CodeEntry>;

export type TaskCode = keyof typeof TASK_CODES;
