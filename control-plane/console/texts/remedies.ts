import type { Code } from '#protocol';

/** What to do, where the one table of codes names a command line and the console has a page or a button for it. */
export const remedies: Partial<Record<Code, string>> = {
  'body-malformed': 'Correct what is listed here.',
  'body-too-large': 'Take less at once.',
  'route-not-found': 'Reload the page: the control plane may have been upgraded.',
  'method-not-allowed': 'Reload the page: the control plane may have been upgraded.',
  unauthenticated: 'Sign in with a token that is neither revoked nor expired.',
  'rate-limited': 'Wait a minute, then try again.',
  'control-plane-unreachable': 'Check the connection of this machine, and that the control plane runs. Then try again.',
  'control-plane-answer-invalid':
    'Reload the page: the control plane may have been upgraded. If that does not help, look at what stands between this browser and the control plane.',

  'instance-not-found': 'See "Instances" for those that there are; it may have been removed or renamed.',
  'instance-name-taken':
    'Choose another name, or remove that instance. To join as that one, name it on the page "Install agent".',
  'instance-already-enrolled':
    'To bring its agent up to date, make a line on the page "Install agent" that names no instance, and paste it there. Where it lost its identity, open "Enrol again" in the danger zone of the instance.',
  'project-not-found': 'See "Settings" for those that there are, and to add one.',
  'service-not-authorised': 'Read and accept the service statement for the project, on the page "Settings".',
  'token-not-found': 'See "Tokens and sessions" for those that there are.',
  'join-token-invalid': 'Make another line on the page "Install agent".',

  'reset-not-found': 'See "Resets" for those that there are; old ones are removed after a while.',
  'reset-stopped': 'Retry it on its page once the cause is mended.',
  'reset-in-progress': 'Wait for it, or supersede it: the option is in the dialog of the reset.',
  'stopped-after-failures': 'See why they failed; then choose "Retry what failed or was cancelled" on this page.',
  'targets-blocked': 'Mend what stands in their way, or leave them out.',
  'nothing-to-retry': 'See the tasks below; what was cancelled comes along with "Retry what failed or was cancelled".',
  'not-confirmed': 'Begin again to confirm.',

  'identity-changed':
    'Compare the fingerprint with "latchkey-agent status" on the instance; if it is right, say so in the dialog of the reset.',
  'identity-unknown':
    'Compare the fingerprint with "latchkey-agent status" on the instance; if it is right, say so in the dialog of the reset.',

  'release-not-found': 'Reload the page "Install agent", which offers those that there are.',
  'release-missing':
    'Choose another version or processor. Whoever runs the control plane adds releases with "latchkey server add-release".',
  'release-unsigned': 'No line was made. Look into the control plane: someone changed its releases.',
  'authority-mismatch': 'No line was made. Look into the control plane.',
  'install-architecture-unsupported': 'Make another line on the page "Install agent", for this processor.',
  'install-systemd-missing':
    'Make another line without "Start it as a service of systemd", under "More options", and have your own supervisor keep "latchkey-agent run" in the foreground.',
  'install-tls-untrusted': 'Make another line. If that fails in the same way, look into who answers at that address.',
  'install-script-altered': 'Reload the page "Install agent" and make another line.',
  'install-release-missing': 'Reload the page "Install agent" and make another line.',
  'install-enrolment-refused':
    'See the detail; make another line. Where the instance had an agent before, name it and let it replace its identity, under "More options".',
};
