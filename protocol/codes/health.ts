import type { CodeEntry } from './entry.ts';

const code = (message: string, remedy: string): CodeEntry => ({ status: null, message, remedy });

/** Why a component of an agent's health fails. Codes that a reset can fail with too have the same name there. */
export const HEALTH_CODES = {
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
  'account-database-denied': code(
    'A security module or the confinement of the agent denies writing the account database.',
    'See the audit log of the instance, and the unit of the agent.',
  ),
  'account-database-lock-held': code(
    'Another tool holds the lock of the account database.',
    'Find what holds it; remove a stale lock file.',
  ),
  'disk-full': code('The disk is full.', 'Free some space.'),
  'shell-missing': code('There is no working /bin/sh.', 'Repair the instance.'),
  'chpasswd-missing': code('There is no chpasswd.', 'Install the package passwd (Debian) or shadow-utils (Red Hat).'),
  'pam-unavailable': code('PAM is not there or its configuration cannot be read.', 'Repair libpam and /etc/pam.d.'),
  'journal-unwritable': code(
    'The agent cannot write its journal.',
    'Check the disk and the rights of its state directory.',
  ),
  'journal-damaged': code(
    "Part of the agent's journal could not be read and was set aside.",
    'Check the disk; the resets named in its log have an unknown outcome.',
  ),
  'trust-missing': code('The agent has no valid key set.', 'Re-enrol the instance.'),
  'trust-outdated': code('The agent refused a key set.', 'See the audit; sign a key set with the script key.'),
  'clock-skewed': code('The clock of the instance is off by more than five minutes.', 'Set up time synchronisation.'),
  'disk-low': code('Little space is left where the agent keeps its journal.', 'Free some space.'),
  'connection-unstable': code(
    'The agent lost its connection several times within minutes.',
    'Look for a proxy with an idle limit, or a bad link.',
  ),
  'identity-cloned': code(
    'Two machines use this identity, or it was copied.',
    'Find the copy, then re-enrol the instance.',
  ),
  'continuity-lost': code(
    'The agent presented a secret of an older session.',
    'If the machine was restored from a snapshot or copied, re-enrol it.',
  ),
  'liveness-missed': code('The agent did not answer a liveness challenge.', 'The agent hangs or the network is cut.'),
  'agent-version-unsupported': code(
    'The agent came back with no version of the protocol that the control plane speaks.',
    'Upgrade the agent; if it is newer than the control plane, upgrade that.',
  ),
  'install-failed': code('The installation of the agent failed.', 'See the detail and install again.'),
} as const satisfies Record<string, CodeEntry>;

export type HealthCode = keyof typeof HEALTH_CODES;
