import type { Argv, RunOptions, RunResult } from './run.ts';

/** Somewhere accounts live: a booted host or a light one. */
export interface Place {
  readonly name: string;
  /** What leads a command, as root, into the place: an argument vector to which the command is appended. */
  entry(): Argv;
  /** Runs a command there as root to its end. */
  exec(argv: Argv, options?: RunOptions): Promise<RunResult>;
}

/** An account to have from the start. */
export interface Account {
  readonly name: string;
  /** None is set when absent: nobody can log in. */
  readonly password?: string;
  /** /bin/sh when absent. */
  readonly shell?: string;
}

/** What a command inside a place has for an environment, when the caller says nothing. */
export const PLACE_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
} as const;

/** The environment of a command inside a place. It travels as such, not in an argument vector that anyone may read. */
export function placeEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...PLACE_ENVIRONMENT, ...env };
}

/** Makes accounts by the programs of the place itself; passwords go by standard input. */
export async function addAccounts(
  exec: (argv: Argv, options?: RunOptions) => Promise<RunResult>,
  accounts: readonly Account[],
): Promise<void> {
  const must = async (argv: Argv, options?: RunOptions): Promise<void> => {
    const { code, stdout, stderr } = await exec(argv, options);
    if (code !== 0) throw new Error(`${argv[0]} ended with ${String(code)}: ${stdout}${stderr}`);
  };
  for (const { name, shell } of accounts) {
    if (name !== 'root') await must(['useradd', '--create-home', '--shell', shell ?? '/bin/sh', name]);
  }
  const lines = accounts.flatMap(({ name, password }) => (password === undefined ? [] : [`${name}:${password}\n`]));
  if (lines.length > 0) await must(['chpasswd'], { input: lines.join('') });
}
