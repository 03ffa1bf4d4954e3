import {
  explainViolation,
  generatePassword,
  passwordText,
  passwordViolations,
  RID_500,
  utf8,
  type AccountRef,
  type InstanceId,
  type OperatingSystem,
  type PasswordPolicy,
} from '#protocol';
import { clientError, type ErrorDetail } from '../errors.ts';
import { countText } from '../output/format.ts';
import type { Random, Terminal } from '../ports.ts';
import type { PasswordSource } from './request.ts';

const PASSWORD_INPUT_BYTES_MAX = 1_024;

/** The passwords of one reset, as bytes, until `dispose` zeroes them. */
export interface Passwords {
  /** Whether the client made them, so that it must show them. */
  readonly generated: boolean;
  /** Whether all targets get the same. */
  readonly same: boolean;
  bytesFor(instanceId: InstanceId): Uint8Array;
  dispose(): void;
}

interface Target {
  readonly instanceId: InstanceId;
  readonly name: string;
  readonly os: OperatingSystem;
  readonly account: AccountRef;
}

/** Asks, reads or makes the passwords for these targets, and checks them against every target's rules. */
export async function obtainPasswords(
  source: PasswordSource,
  targets: readonly Target[],
  policy: PasswordPolicy,
  ports: { readonly terminal: Terminal; readonly random: Random },
): Promise<Passwords> {
  if (source === 'generate' || source === 'generate-same') return generate(source, targets, policy, ports.random);
  const password = source === 'stdin' ? await readStdin(ports.terminal) : await askTwice(ports.terminal, targets);
  const wrong = weaknesses(password, targets, policy);
  if (wrong.length > 0) {
    password.fill(0);
    throw clientError('password-weak', wrong);
  }
  return { generated: false, same: true, bytesFor: () => password, dispose: () => password.fill(0) };
}

function generate(
  source: 'generate' | 'generate-same',
  targets: readonly Target[],
  policy: PasswordPolicy,
  random: Random,
): Passwords {
  const make = (some: readonly Target[]) =>
    // A string, since the rules are about text; it goes out of reach at once and the bytes are what is kept.
    utf8(generatePassword({ targets: some.map(ruleTarget), policy, randomBytes: (count) => random.bytes(count) }));
  const one = source === 'generate-same' ? make(targets) : null;
  const bytes = new Map(targets.map((target) => [target.instanceId, one ?? make([target])]));
  return {
    generated: true,
    same: one !== null,
    bytesFor(instanceId) {
      const password = bytes.get(instanceId);
      if (password === undefined) throw new Error('no password was made for that instance');
      return password;
    },
    dispose() {
      for (const password of bytes.values()) password.fill(0);
    },
  };
}

async function readStdin(terminal: Terminal): Promise<Buffer> {
  if (terminal.inIsTerminal) {
    throw clientError('password-unreadable', [
      'Standard input is a terminal, which would show it: leave out --password-stdin to be asked for it.',
    ]);
  }
  const input = await terminal.readInput(PASSWORD_INPUT_BYTES_MAX);
  if (input === null) throw clientError('password-unreadable', ['Standard input holds more than a password.']);
  const password = input.subarray(0, input.length - newlineBytes(input));
  if (password.includes(0x0a)) {
    input.fill(0);
    throw clientError('password-unreadable', ['Standard input holds more than one line.']);
  }
  return password;
}

/** The length of one newline at the end, of either kind: a carriage return is part of no password. */
function newlineBytes(input: Buffer): number {
  if (input.at(-1) !== 0x0a) return 0;
  return input.at(-2) === 0x0d ? 2 : 1;
}

async function askTwice(terminal: Terminal, targets: readonly Target[]): Promise<Buffer> {
  const answer = await terminal.readHidden([`New password for ${whose(targets)}: `, 'The same again: ']);
  switch (answer.kind) {
    case 'no-terminal':
      throw clientError('password-unavailable');
    case 'cancelled':
      throw clientError('not-confirmed');
    case 'too-long':
      throw clientError('password-unreadable', ['It is too long for a password.']);
    case 'lines': {
      const [first, second] = answer.lines;
      const equal = first !== undefined && second !== undefined && first.equals(second);
      second?.fill(0);
      if (equal) return first;
      first?.fill(0);
      throw clientError('password-unreadable', ['The two are not the same.']);
    }
    default:
      return answer satisfies never;
  }
}

/** Whose password is asked for: who left out --account must see that it is root's. */
function whose(targets: readonly Target[]): string {
  const accounts = new Set(
    targets.map(({ account }) => (account === RID_500 ? 'the built-in administrator' : account)),
  );
  const where = targets.length === 1 ? (targets[0]?.name ?? '') : countText(targets.length, 'instance');
  return `${[...accounts].join(' and ')} on ${where}`;
}

/** Every rule that the password breaks for some target, as sentences; never a word of the password itself. */
function weaknesses(password: Buffer, targets: readonly Target[], policy: PasswordPolicy): ErrorDetail[] {
  const text = passwordText(password);
  if (text === null) return [{ subject: 'The password', code: 'character', message: 'must be UTF-8 text' }];
  const kinds = new Map(targets.map((target) => [`${target.os} ${target.account}`, target]));
  const details = new Map<string, ErrorDetail>();
  for (const target of kinds.values()) {
    for (const rule of passwordViolations({ ...ruleTarget(target), password: text, policy })) {
      const message = explainViolation(rule, target.os, policy);
      details.set(message, { subject: `The password, on ${osName(target.os)}`, code: rule, message });
    }
  }
  return [...details.values()];
}

function osName(os: OperatingSystem): string {
  return os === 'linux' ? 'Linux' : 'Windows';
}

function ruleTarget({ os, account }: Target) {
  // The name of the built-in administrator is not known before the agent has looked: it has the last word.
  return { os, account: account === RID_500 ? null : account };
}
