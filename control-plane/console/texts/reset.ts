import type { OperatingSystem, ResetState, TaskState, VerifiedBy, Warning } from '#protocol';

const instances = (count: number): string => (count === 1 ? '1 instance' : `${count.toLocaleString()} instances`);

/** The dialog in which a password is reset. */
const dialog = {
  title: (count: number, name: string) => `Reset password: ${count === 1 ? name : instances(count)}`,
  cancel: 'Cancel',
  leave: 'Close',
  sending: 'It is being sent. Closing this window stops what is not sent yet; what has started by then goes on.',
  submit: 'Reset password',
  submitMany: (count: number) => `Reset password on ${instances(count)}`,
  busy: 'Sealing and sending',
  tabs: { online: 'Online', offline: 'Offline' },
  offline: {
    title: 'Offline resets are not there yet',
    what: 'An offline reset takes effect when the instance next starts, before anybody can log in, and needs no running agent.',
    needs:
      'It needs the reset plug-in on the instance, which asks for waiting resets early in the boot. This version of Latchkey does not bring it yet.',
    instead: 'Until then: reset online. An instance without a healthy agent has to be mended first; its page says how.',
  },
  mixed: {
    title: 'Linux and Windows cannot be reset together online',
    text: 'Their rules for passwords and accounts differ. Go on with those of one system, and reset the others after that.',
    only: (os: OperatingSystem, count: number) => `Only ${systems[os]} (${count.toLocaleString()})`,
  },
  none: 'No instance was chosen.',
  account: 'Account',
  accountHint: (os: OperatingSystem | null) =>
    os === 'windows' ? 'Left empty: the built-in administrator (RID 500), whatever it is called.' : 'Left empty: root.',
  accountPlaceholder: (os: OperatingSystem | null) => (os === 'windows' ? 'built-in administrator' : 'root'),
  accountInvalid: 'Letters, digits, dot, hyphen and underscore; 1 to 32 of them.',
  password: 'New password',
  again: 'New password again',
  differs: 'The two are not the same.',
  show: 'Show',
  hide: 'Hide',
  generate: 'Generate',
  copy: 'Copy',
  copied: 'Copied. The clipboard is not emptied by this page.',
  notCopied: 'The browser did not let it be copied.',
  rules: 'The password',
  ruleStates: { met: 'met', open: 'not yet', later: 'checked on the instance' },
  rulesMet: (met: number, all: number) => `${met} of ${all} rules met`,
  cannotGenerate: 'No password meets the rules of this account.',
  affected: (count: number) => `What is affected: ${instances(count)}`,
  same: (count: number) => `All ${count.toLocaleString()} get the same password.`,
  more: (count: number) => `and ${count.toLocaleString()} more`,
  identity: 'Identity',
  firstSeen: 'first seen by this browser',
  remembered: 'remembered by this browser',
  rememberedOtherwise: 'remembered by this browser under another name',
  knownBefore: (name: string) => `known before as ${name}`,
  unseen: {
    title: 'What is shown here has just changed',
    text: (names: readonly string[]) =>
      `Nothing was sent. Look again at ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}, then go on.`,
  },
  checking: 'Asking who can be reset',
  ready: (ready: number, all: number) =>
    all === 1 ? 'It can be reset now.' : `${ready.toLocaleString()} of ${all.toLocaleString()} can be reset now.`,
  checkAgain: 'Check again',
  blocked: (count: number, all: number) =>
    all === 1 ? 'It cannot be reset now' : `${instances(count)} cannot be reset now`,
  blockedFirst: 'Mend what is blocked, or leave it out, as said above.',
  skip: (count: number) => `Leave out what is blocked (${count.toLocaleString()})`,
  remedies: {
    install: (name: string) => `Install the agent on ${name}`,
    instance: (name: string) => `See what is wrong with ${name}`,
    service: (project: string) => `Enable online reset for project ${project}`,
    askService: (project: string) => `Ask an administrator to enable online reset for project ${project}.`,
    supersede: 'Put this reset in the place of the unfinished one',
    ask: 'Ask an administrator for a token that may reset this account there.',
  },
  strangers: {
    title: (count: number) => `${instances(count)} not known to this browser by that name`,
    text: 'One that is not yours would learn the password of all. Compare their fingerprints with "latchkey-agent status" on each.',
    trust: 'I trust them',
  },
  changed: {
    title: 'An identity is not the one that this browser remembers',
    text: 'Nothing was sent. If the instance was enrolled anew, compare the presented fingerprint with what "latchkey-agent status" shows on it.',
    trust: (name: string) => `The presented one is right for ${name}`,
    notKept: 'This browser does not let the page remember it.',
  },
  options: 'Options',
  unlock: 'Unlock the account',
  unlockHint: 'Otherwise a lock stays, and nobody can log in all the same.',
  unexpire: 'Remove the expiry of the account',
  mustChange: 'Ask for another password at the first login',
  supersede: 'Supersede an unfinished reset of the same account',
  batch: 'Pace',
  concurrency: 'At once',
  concurrencyHint: 'How many instances work on it at the same time: 1 to 1,000.',
  stopAfter: 'Stop after failures',
  stopAfterHint: 'Once so many have failed, nothing more is sent. Left empty: never.',
  numberInvalid: 'A whole number in these limits.',
  sealed:
    'The password is encrypted in this browser, to each instance. The control plane cannot read what it passes on.',
  afterFailure: 'If the fields are empty now, type the password again: it was not kept.',
  unknownStart:
    'The connection was lost while the reset was sent, and it is not known whether it has started. Look at the list of resets before you repeat it.',
};

/** The page on which one sees how a reset goes. */
const progress = {
  title: 'Password reset',
  titleOf: (account: string | null) => `Password reset of ${account ?? 'the default account'}`,
  doNotRepeat:
    'The reset is under way. Do not repeat it: an instance that is not done yet is still being served, also if this page is closed.',
  paused: 'Nothing more is sent until somebody resumes it. Its limit stands: what was not sent by then expires.',
  states: {
    running: 'Running',
    paused: 'Paused',
    stopped: 'Stopped: too many failed',
    finished: 'Finished',
  } satisfies Record<ResetState, string>,
  hearing: {
    connecting: 'Connecting again; what you see may be out of date.',
    polling: 'Updated every few seconds: live updates do not get through to this browser.',
  },
  silent: {
    title: (count: number) => `The control plane says nothing of ${instances(count)} that something was sent to`,
    text: (names: readonly string[]) =>
      `Whether the new password works there is not known, and they count as failed: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}. Look into why they are missing before you trust this control plane.`,
  },
  notProvable:
    'This browser has no record of what was sent: successes are shown as the control plane reports them, unproven.',
  provenHere: (proven: number, succeeded: number) =>
    `${proven.toLocaleString()} of ${succeeded.toLocaleString()} successes proven here by the signature of the instance`,
  bar: 'Progress',
  barText: (done: number, total: number) => `${done.toLocaleString()} of ${total.toLocaleString()} at their end`,
  pace: (perSecond: number, left: string) => `${perSecond.toFixed(1)} a second, about ${left} left`,
  counts: {
    total: 'Instances',
    succeeded: 'Succeeded',
    failed: 'Did not succeed',
    blocked: 'Blocked',
    pending: 'Under way',
  },
  asked: 'What was asked for',
  facts: {
    requestedBy: 'Requested by',
    requestedAt: 'Requested',
    notAfter: 'Not applied after',
    finishedAt: 'Finished',
    account: 'Account',
    options: 'Options',
    concurrency: 'At once',
    stopAfter: 'Stops after failures',
    retryOf: 'Retries',
    retriedBy: 'Retried by',
    state: 'State',
  },
  options: { unlock: 'unlock', unexpire: 'remove expiry', mustChange: 'must change', none: 'none' },
  defaultAccount: 'default of the system',
  never: 'never',
  pause: 'Pause',
  resume: 'Resume',
  cancel: 'Cancel what was not sent',
  cancelTitle: 'Cancel what was not sent yet?',
  cancelText: 'What is with an instance already comes to its end. What is cancelled can be reset again later.',
  cancelled: (count: number, tooLate: number) =>
    `${count.toLocaleString()} cancelled, ${tooLate.toLocaleString()} were with their instances already.`,
  back: 'Go back',
  retry: (count: number) => `Retry what failed (${count.toLocaleString()})`,
  retryCancelled: (count: number) => `Retry what failed or was cancelled (${count.toLocaleString()})`,
  retryMenu: 'Retry',
  exportMenu: 'Export',
  exportCsv: 'CSV',
  exportJson: 'JSON',
  incomplete: (known: number, total: number) => `Loading tasks: ${known.toLocaleString()} of ${total.toLocaleString()}`,
  tasks: 'Tasks',
  count: (total: number) => `(${total.toLocaleString()})`,
  countOf: (shown: number, total: number) => `(${shown.toLocaleString()} of ${total.toLocaleString()})`,
  countFiltered: (total: number) => `(some of ${total.toLocaleString()})`,
  filter: 'Show tasks that are',
  all: 'All',
  empty: 'No task is in this state.',
  first: 'First page',
  next: 'Next page',
  columns: {
    instance: 'Instance',
    state: 'State',
    proof: 'Proof',
    applied: 'Applied after',
    verified: 'Verified after',
    updated: 'Last change',
    notes: 'What happened, and what to do',
  },
  taskStates: {
    pending: 'Waiting',
    staged: 'Staged',
    'awaiting-boot': 'Waits for a start',
    dispatched: 'Sent',
    accepted: 'Accepted',
    running: 'Running',
    succeeded: 'Succeeded',
    failed: 'Failed',
    'outcome-unknown': 'Outcome unknown',
    'task-expired': 'Expired',
    cancelled: 'Cancelled',
    superseded: 'Superseded',
    blocked: 'Blocked',
  } satisfies Record<TaskState, string>,
  proofs: {
    login: 'a login worked',
    authenticate: 'authentication only',
    hash: 'stored hash only',
  } satisfies Record<VerifiedBy, string>,
  warnings: {
    'account-locked': 'The account is locked and stays so. Reset again with the option that unlocks it.',
    'account-expired': 'The account has expired. Reset again with the option that removes the expiry.',
    'password-aged-out':
      'The account was shut because its password aged out. Reset again with the option that removes the expiry.',
    'password-must-change': 'The next login will ask for another password.',
    'nologin-shell': 'The account has no login shell, so a login could not be tried.',
    'second-factor': 'Logins ask for more than the password, so a login could not be completed.',
    faillock: 'The account is shut for a while after failed logins. Reset again with the option that unlocks it.',
    'login-denied': 'The system accepts the password but does not let the account in: an access rule.',
    'login-not-tried': 'A login could not be tried on this system; the stored hash matches.',
    'ssh-password-forbidden': 'sshd does not accept passwords for this account.',
    'ssh-root-forbidden': 'sshd does not let root in with a password.',
    'unlock-failed': 'The lock could not be removed; see why on the instance.',
    'unexpire-failed': 'The expiry of the account could not be removed; see why on the instance.',
    'must-change-failed': 'The next login will not ask for another password, though that was wanted.',
  } satisfies Record<Warning, string>,
  here: 'checked here',
  told: 'as the control plane says',
  otherAccount:
    'The control plane names another account than the one that was reset from here. Look into the control plane before you try again.',
};

const systems: Record<OperatingSystem, string> = { linux: 'Linux', windows: 'Windows' };

/** `840 ms`, `4.2 s`, `3 min 10 s`, `2 h 5 min`. */
function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const reset = { dialog, progress, systems, span };
