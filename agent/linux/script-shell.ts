/** The shell of one run of the script. Started for that run or ahead of it; it waits to be told what to run. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { SYSTEM_ENVIRONMENT } from './environment.ts';
import { killTree } from './process-group.ts';

/** What the script finds in its environment, and where it lies. A line each: no value may hold a line feed. */
export interface ShellTask {
  readonly path: string;
  readonly variables: Readonly<Record<(typeof VARIABLES)[number], string>>;
}

export interface ScriptShell {
  readonly child: ChildProcess;
  /** Has it run the script, which waits where it needs what is on descriptor 3. Once. */
  begin(task: ShellTask): void;
  /** All that descriptor 3 holds. Once, after `begin`. `line` is zeroed as soon as it is written. */
  give(line: Buffer): void;
  alive(): boolean;
  end(): void;
}

const VARIABLES = [
  'LK_ACCOUNT',
  'LK_PHASE',
  'LK_UNLOCK',
  'LK_UNEXPIRE',
  'LK_MUST_CHANGE',
  'LK_LOCK',
  'LK_AHEAD',
] as const;

/**
 * All that is ever handed to a shell as text. Values come on standard input and stay data; the script is read from its
 * file when its turn comes, so that what was verified a moment before is what runs. Input that ends early ends it.
 */
const PRELUDE = [
  ...['LK_SCRIPT', ...VARIABLES].map((name) => `IFS= read -r ${name}`),
  'exec </dev/null',
  `export ${VARIABLES.join(' ')}`,
  '. "$LK_SCRIPT"',
].join(' && ');

/** A line feed in a value would move every value behind it. */
export function canBeHandedOver({ path, variables }: ShellTask): boolean {
  return ![path, ...Object.values(variables)].some((value) => value.includes('\n'));
}

export function startScriptShell(shell: string): ScriptShell {
  const child = spawn(shell, ['-c', PRELUDE, 'latchkey-script'], {
    cwd: '/',
    detached: true, // a process group of its own, so that all of it can be killed
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: SYSTEM_ENVIRONMENT,
  });
  const [input, output, errors, secret] = child.stdio as unknown as [Socket, Socket, Socket, Writable & Socket];
  // It may end before it reads; its result, or that there is none, says why.
  for (const stream of [input, output, errors, secret]) stream.on('error', () => undefined);
  child.on('error', () => undefined); // shows as a shell that is not alive
  const handles = [child, input, output, errors, secret];
  // One that waits must not keep the agent from ending.
  for (const handle of handles) handle.unref();
  return {
    child,
    alive: () => child.pid !== undefined && child.exitCode === null && child.signalCode === null,
    end: () => killTree(child),
    begin({ path, variables }) {
      for (const handle of handles) handle.ref();
      input.end([path, ...VARIABLES.map((name) => variables[name])].map((value) => `${value}\n`).join(''));
    },
    give(line) {
      secret.end(line, () => line.fill(0));
      child.once('close', () => line.fill(0));
    },
  };
}
