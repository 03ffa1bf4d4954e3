import type { OperatingSystem } from '#protocol';
import { copied, copyFailed, figure, nameRule, systems } from './words.ts';

export const install = {
  title: 'Install agent',
  description: 'Choose what fits, copy one line, paste it into a shell on the machine, and watch it turn running.',
  mayNot: 'Your token may not install agents',
  mayNotHow: 'It takes an operator: installing makes a join token. Sign in with another token, or ask an operator.',
  what: 'What to install',
  os: 'Operating system',
  systems,
  systemsHow: {
    linux: 'glibc 2.28 or newer, systemd; x64 or arm64',
    windows: 'not yet',
  } satisfies Record<OperatingSystem, string>,
  windows: {
    title: 'There is no agent for Windows yet',
    how: 'This version has the agent for Linux alone: no installer, no service, no signed script for Windows. Windows instances can be added, so that they are in the list; their passwords cannot be reset until the agent is there.',
  },
  platform: 'Processor',
  platforms: { 'linux-x64': 'x64 (Intel, AMD)', 'linux-arm64': 'arm64', 'win32-x64': 'x64' },
  version: 'Version',
  recommended: (version: string) => `${version} (latest, recommended)`,
  unfinished: (version: string) => `${version} (not finished)`,
  noVersion: 'There is no release for this processor.',
  project: 'Project',
  projectHow: 'Where the instance joins.',
  name: 'Instance (optional)',
  nameHow: 'It is added if it is not there yet. Empty: each host joins under its own host name.',
  reEnrol: 'The instance may replace the identity that it has',
  reEnrolHow: 'For a machine that was installed anew. Clients that have pinned the old identity have to be told.',
  life: 'The line is valid for',
  uses: 'Hosts that may install with it',
  usesHow: (max: number) => `1 to ${figure(max)}; one where an instance is named.`,
  more: 'More options',
  url: 'Address of the control plane, as the machine reaches it',
  urlHow: 'An https URL of a host and nothing else.',
  service: 'Start it as a service of systemd',
  serviceHow: 'Without it, your own supervisor has to keep "latchkey-agent run" in the foreground.',
  submit: 'Make the line',
  again: 'Make another line',
  problems: {
    project: nameRule,
    name: nameRule,
    uses: 'It has to be a whole number within these limits; one where an instance is named.',
    url: 'It has to be an https URL of a host and nothing else, such as https://latchkey.example:8443.',
    version: 'Choose a version.',
  },
  releases: {
    signedHow:
      'This browser has checked the signatures of all releases by this key, which the control plane names. Compare the fingerprint with what the maker of the release has published.',
    key: 'Release key',
    copyKey: 'Copy the fingerprint of the release key',
    broken: 'A release is not signed as it should be',
    brokenHow:
      'Nothing is offered for installation: somebody may have changed the catalogue. Look into the releases directory of the control plane, and add the releases again.',
    otherKey: 'Releases are signed by different keys',
    none: 'The control plane has no release of the agent yet',
    noneHow: 'Whoever runs the control plane adds one, with the flags of the server; the server may run meanwhile:',
    addCommand: 'latchkey server add-release latchkey-agent-VERSION-linux-x64.tar.gz --release-key SHA256:…',
    noneThen: 'This page shows it by itself after that. How a release is built and signed stands in the README.',
    checkout: 'Without a release: from a checkout',
    checkoutHow:
      'A machine with Node and a checkout in /opt/latchkey can run the agent from there. Make a join token on the page of tokens, put it into the file join-token, and run as root on the machine:',
    checkoutCommands: (url: string) => [
      'ln -s /opt/latchkey/scripts/latchkey-agent /usr/local/bin/latchkey-agent',
      `latchkey-agent enroll --url ${url} < join-token`,
      'install -m 644 /opt/latchkey/agent/systemd/latchkey-agent.service /etc/systemd/system/',
      'systemctl enable --now latchkey-agent',
    ],
    tokens: 'Go to the tokens',
  },
  line: {
    title: 'The line',
    once: 'Whoever has it can join with it. It is shown until you leave this page, and nowhere else.',
    until: 'Valid until',
    tabs: { line: 'Shell', cloudInit: 'cloud-init', ansible: 'Ansible' },
    lineHow: "Paste it, whole, into a shell on the machine: root's, or one with sudo. It needs curl or wget.",
    cloudInitHow:
      'Give it to a new machine as user data. It holds the join token: whoever reads user data has it, at the provider, and on most clouds every user and program of the machine. Choose a short life.',
    ansibleHow:
      'A playbook without a secret: keep it, and run it with "ansible-playbook" where the latchkey command is set up. Each host without an agent gets a line of its own, called as in the inventory.',
    copy: 'Copy the line',
    copyUserData: 'Copy the user data',
    copyPlaybook: 'Copy the playbook',
    copyCommands: 'Copy the commands',
    copied,
    copyFailed,
    text: 'Text to copy',
    scriptKey: 'Script key',
    copyScriptKey: 'Copy the fingerprint of the script key',
    scriptKeyHow:
      'The machine will run, as root, what this key signs. The line names it, and the control plane wrote the line: compare the fingerprint with the one that you know, as the latchkey command does with the one that it has pinned.',
    steps: 'What it does, step by step',
  },
  steps: (facts: {
    url: string;
    script: string;
    archive: string;
    archiveHash: string;
    own: boolean;
    service: boolean;
  }) => [
    facts.own
      ? `It asks ${facts.url} for the installation script, and believes the authority that stands in the line alone.`
      : `It asks ${facts.url} for the installation script, and believes the public authorities that the machine believes.`,
    `It compares the SHA-256 of the script with ${facts.script}. Where it differs, nothing is run.`,
    'As root, or by sudo, the script checks whether the system fits: processor, C library, systemd, space, and whether anything is in the way.',
    `It downloads ${facts.archive}, and unpacks it only if its SHA-256 is ${facts.archiveHash}.`,
    'The agent makes its identity, a key that never leaves the machine, and joins with the token, which is used up by that.',
    facts.service
      ? 'The service is started; the script waits until the agent is connected, and prints the fingerprint of its identity.'
      : 'It prints the fingerprint of its identity, and leaves it to your supervisor to run the agent.',
    'If a step fails, everything is as it was before, and the reason is said on the machine and, where it can be, here.',
  ],
  status: {
    title: 'Status',
    of: (name: string) => `Status of ${name}`,
    refresh: 'Refresh',
    phases: {
      waiting: 'Waiting for the line to be run',
      installing: 'Installing',
      running: 'The agent runs',
      failed: 'The installation failed',
      attention: 'The agent has joined, and does not run well',
    },
    how: 'It changes by itself.',
    joined: (count: number) => `${figure(count)} joined so far`,
    fingerprint: 'Fingerprint of its identity',
    compare: (name: string) =>
      `Compare it with what the line printed on the machine, or "latchkey-agent status" there. Then pin it, where the latchkey command is: latchkey instances trust ${name}`,
    copyFingerprint: 'Copy the fingerprint',
    missing: 'There is no such instance yet. It is added when you make the line.',
  },
  help: {
    title: 'What to do when it does not',
    nothing: 'Nothing happens here',
    nothingHow:
      'Read what the line printed on the machine: what cannot reach the control plane, or has no good token, is said there alone. The same line again is harmless.',
    columns: { code: 'Code', what: 'What happened', remedy: 'What to do' },
  },
};
