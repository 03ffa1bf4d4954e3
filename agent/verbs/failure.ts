import type { DirectoryProblem } from '../node/state-directory.ts';

/** What ends a verb: a code, what happened, and what to do. 1: it did not work; 2: wrong use, nothing done. */
export class VerbError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly exitCode: 1 | 2;

  constructor(code: string, what: string, remedy: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'VerbError';
    this.code = code;
    this.remedy = remedy;
    this.exitCode = options.exitCode ?? 1;
  }
}

export const usageError = (what: string) =>
  new VerbError('usage', what, 'See "latchkey-agent --help".', { exitCode: 2 });

export const notEnrolled = (directory: string) =>
  new VerbError('not-enrolled', `${directory} holds no enrolment.`, 'Run "latchkey-agent enroll --url URL" first.');

const DIRECTORY_REMEDIES = {
  'state-directory-unsafe': 'Give --state a directory that root alone can change, like all above it.',
  'state-directory-foreign': 'Give --state the directory of the agent, or an empty one.',
} as const;

export const stateDirectoryRefused = ({ code, what }: DirectoryProblem) =>
  new VerbError(code, `${what}.`, DIRECTORY_REMEDIES[code], { exitCode: 2 });

export const stateDamaged = (directory: string, what: string) =>
  new VerbError(
    'state-damaged',
    `${what} in ${directory} is missing or damaged.`,
    'Run "latchkey-agent uninstall" and enrol the instance again; an operator must allow the re-enrolment.',
  );
