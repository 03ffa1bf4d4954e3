import type { CodeEntry } from './entry.ts';

const code = (message: string, remedy: string): CodeEntry => ({ status: null, message, remedy });

/** Why the agent could not be installed: what the installer says on the host, and what an operator sees. */
export const INSTALL_CODES = {
  'install-not-root': code('The installation was not started as root.', 'Run the line as root, or with sudo.'),
  'install-system-unsupported': code(
    'The agent does not run on this operating system.',
    'It needs Linux with glibc; see the README of the agent.',
  ),
  'install-architecture-unsupported': code(
    'The release is for another processor.',
    'Print the line for this processor: "latchkey agents install-command --arch ARCH".',
  ),
  'install-libc-unsupported': code(
    'The C library of the instance is too old or is not glibc.',
    'The agent needs glibc 2.28 or newer: upgrade the system.',
  ),
  'install-systemd-missing': code(
    'The instance was not booted with systemd.',
    'Print the line with --no-service, and have your own supervisor keep "latchkey-agent run" in the foreground.',
  ),
  'install-tool-missing': code(
    'A program that the installation needs is missing.',
    'Install what the detail names, then run the line again.',
  ),
  'install-directory-unwritable': code(
    'A directory that the installation needs cannot be written.',
    'Make the file system named in the detail writable, then run the line again.',
  ),
  'install-noexec': code(
    'Programs may not run from where the agent is installed.',
    'Remount the file system of /usr/local/lib without noexec, or see what else forbids it.',
  ),
  'install-disk-full': code(
    'There is not enough space for the agent.',
    'Free the space that the detail names, then run the line again.',
  ),
  'install-unreachable': code(
    'The control plane cannot be reached from the instance.',
    'Check name resolution, route, firewall and HTTPS_PROXY on the instance.',
  ),
  'install-proxy-refused': code(
    'The proxy did not let the connection through.',
    'Check HTTPS_PROXY and NO_PROXY on the instance, and what the proxy allows.',
  ),
  'install-tls-untrusted': code(
    'Who answered is not the control plane that the line names.',
    'Print a new line. If that fails in the same way, look into who answers at that address.',
  ),
  'install-script-altered': code(
    'The installation script is not the one that the line names, and was not run.',
    'Print a new line with a command line of the same version as the control plane.',
  ),
  'install-release-missing': code(
    'The control plane does not have the release any more.',
    'List what it has with "latchkey agents releases", and print a new line.',
  ),
  'install-archive-altered': code(
    'The archive is not the one that the line names, and was not unpacked.',
    'Add the release to the control plane again. If that fails too, look into who could have changed it.',
  ),
  'install-executable-broken': code(
    'The agent that was unpacked does not run on this instance.',
    'See the detail; the archive itself is the signed one.',
  ),
  'install-occupied': code(
    'Something that the installation did not make is in its place.',
    'Remove what the detail names, then run the line again.',
  ),
  'install-enrolled-elsewhere': code(
    'The instance is enrolled with another control plane.',
    'If it is to change, run "latchkey-agent uninstall" on it first.',
  ),
  'install-enrolment-refused': code(
    'The control plane did not let the instance join.',
    'See the detail; print a new line, with --re-enrol where the instance had an agent before.',
  ),
  'install-service-failed': code(
    'The service of the agent did not start.',
    'See the detail, then "journalctl -u latchkey-agent" on the instance.',
  ),
  'install-not-connected': code(
    'The agent was started and did not connect in time.',
    'See the detail; a connection that stays open must be allowed on the way to the control plane.',
  ),
  'install-interrupted': code('The installation was interrupted.', 'Run the line again.'),
  'install-timed-out': code(
    'The installation began and was not heard of again.',
    'See what became of it on the instance, and run the line again.',
  ),
} as const satisfies Record<string, CodeEntry>;

export type InstallCode = keyof typeof INSTALL_CODES;
