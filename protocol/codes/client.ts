import type { CodeEntry } from './entry.ts';

const code = (message: string, remedy: string): CodeEntry => ({ status: null, message, remedy });

/** Codes that a client of the API finds by itself: it does not take the control plane's word for them. */
export const CLIENT_CODES = {
  'usage-invalid': code('The command line is not valid.', 'See the same command with --help.'),
  'configuration-invalid': code('The configuration is not valid.', 'Correct what is named here.'),
  'configuration-exposed': code(
    'A file that holds a token can be read by other users.',
    'Make it yours alone: chmod 600 FILE. Then replace the token, as someone may have read it.',
  ),
  'state-exposed': code(
    'What this program remembers of whom to believe can be changed by another user.',
    'Look at what is in it, then make it yours alone: chown it to yourself, and chmod go-w FILE and its folder.',
  ),
  'file-unusable': code('A file cannot be read or written.', 'Check its path and its permissions.'),
  'import-invalid': code('Lines of the file are not valid, so nothing was imported.', 'Correct the lines listed here.'),

  'control-plane-unreachable': code(
    'The control plane cannot be reached.',
    'Check the URL, that the control plane is running, and the network between.',
  ),
  'control-plane-untrusted': code(
    'The certificate of the control plane is not trusted.',
    'Name its certificate authority with --ca FILE or LATCHKEY_CA; if you did, look into what answers there.',
  ),
  'control-plane-answer-invalid': code(
    'The answer is not one of a control plane.',
    'Check the URL; bring client and control plane to versions that fit.',
  ),

  'identity-changed': code(
    'The identity of an instance is not the one that was pinned, so nothing was sent.',
    'Compare the fingerprint with "latchkey-agent status" on the instance; then "latchkey instances trust NAME".',
  ),
  'identity-unknown': code(
    'The identity of an instance is not pinned, and only pinned ones were allowed.',
    'Compare the fingerprint with "latchkey-agent status" on the instance; then "latchkey instances trust NAME".',
  ),
  'sealing-key-unsigned': code(
    'The identity of an instance does not vouch for the sealing key that the control plane handed out.',
    'Nothing was sent. Someone changed the key: look into the control plane, then into the instance.',
  ),
  'sealing-key-other-instance': code(
    'The sealing key that the control plane handed out belongs to another instance.',
    'Nothing was sent. Someone exchanged the key: look into the control plane.',
  ),
  'sealing-key-expired': code(
    'The sealing key of an instance has expired.',
    'Check the clocks; the agent makes a new key when it next connects.',
  ),
  'clock-disagrees': code(
    "This machine's clock and the control plane's differ by more than five minutes.",
    'Set the one that is wrong; passwords are sealed with a time limit.',
  ),
  'release-unsigned': code(
    'The control plane offers a release that its release key has not signed.',
    'No line was printed. Look into the control plane: someone changed its releases.',
  ),
  'release-key-changed': code(
    'The release key is not the one that was pinned for this control plane.',
    'Ask whoever signs the releases for the fingerprint of the key; then name it with --release-key SHA256:….',
  ),
  'script-key-changed': code(
    'The script key that the join token names is not the one that was pinned for this control plane.',
    'Nothing was printed. Look into the control plane: whoever holds that key runs code as root where it joins. If the control plane was made anew, name its key with --script-key SHA256:….',
  ),
  'release-missing': code(
    'The control plane has no release of the agent that fits.',
    'See "latchkey agents releases"; add one on the control plane with "latchkey server add-release".',
  ),
  'install-script-differs': code(
    'The control plane serves another installation script than this command line knows.',
    'Use a command line of the same version as the control plane.',
  ),
  'authority-mismatch': code(
    'The certificate authority that the control plane names is not the one of its join token.',
    'No line was printed. Look into the control plane.',
  ),
  'instance-renamed': code(
    'An instance is called something else now than when it was chosen.',
    'Nothing was sent. Choose it again by what it is called now; if nobody renamed it, look into who can change the control plane.',
  ),
  'result-unproven': code(
    'The control plane reports success, but no signed word of the instance proves it.',
    'Do not rely on the new password: log in to see, and look into the control plane.',
  ),

  'password-unavailable': code(
    'There is no terminal on which to ask for the password.',
    'Hand it over with --password-stdin, or have it made with --generate.',
  ),
  'password-unreadable': code(
    'The password could not be read.',
    'Hand over one line of UTF-8 text, or type the same password twice.',
  ),
  'password-weak': code('The password breaks the rules, so nothing was sent.', 'Choose one that meets them.'),
  'not-confirmed': code('It was not confirmed, so nothing was changed.', 'Run the command again to confirm.'),
  'nothing-to-retry': code(
    'No instance of the reset is to be retried.',
    'See "latchkey resets show ID"; what was cancelled comes along with --with-cancelled.',
  ),
  'retry-unconfirmed': code(
    'What the control plane says of the reset is not what was sent from here.',
    'Nothing was sent. Reset by name, and look into the control plane.',
  ),
  'client-failed': code(
    'The client failed in a way that it does not expect.',
    'Report it with what it printed; nothing secret is in it.',
  ),
} as const satisfies Record<string, CodeEntry>;

/** A code of the client's own findings. */
export type ClientCode = keyof typeof CLIENT_CODES;
