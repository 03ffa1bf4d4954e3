import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

import { placeEnvironment } from '../../support/hosts/place.ts';

const LOG_LINES = 10;

/** A program of this bench as a process of its own, asked one thing at a time. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Whoever asks knows what the program answers to that. */
  ask<T>(request: object): Promise<T>;
}

interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

interface ProgramOptions {
  readonly argv?: readonly string[];
  /** Gets what it prints. */
  readonly logFile: string;
  /** For Node. */
  readonly flags?: readonly string[];
  /** Beside that of every place. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `test/bench/NAME`; it ends with us. */
export async function startProgram(
  name: string,
  { argv = [], logFile, flags = [], env = {} }: ProgramOptions,
): Promise<Program> {
  const log = openSync(logFile, 'a', 0o600);
  const program = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const command = [
    '--pdeathsig',
    'KILL',
    '--',
    execPath,
    '--disable-warning=ExperimentalWarning',
    ...flags,
    program,
    ...argv,
  ];
  const child = spawn('setpriv', command, { env: placeEnvironment(env), stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  const said = (): string => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  const ended = once(child, 'exit');
  const next = (): Promise<Answer> => nextAnswer(child, () => `${name} has ended: ${said()}`);
  const ready = await next();
  if (ready.error !== undefined) throw new Error(`${name}: ${ready.error}`);
  return {
    pid: child.pid ?? -1,
    async ask<T>(request: object) {
      const answered = next();
      child.send(request);
      const { value, error } = await answered;
      if (error !== undefined) throw new Error(`${name}: ${error}`);
      return value as T;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

function nextAnswer(child: ChildProcess, why: () => string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      reject(new Error(why()));
      return;
    }
    const onMessage = (message: unknown): void => {
      child.off('exit', onClose);
      resolve(message as Answer);
    };
    const onClose = (): void => {
      child.off('message', onMessage);
      reject(new Error(why()));
    };
    child.once('message', onMessage);
    child.once('exit', onClose);
  });
}

/** The program's side: says that it is ready, answers until the bench lets go of it, then ends. What comes is what the other file of the program sends. */
export function answerRequests(answer: (request: never) => Promise<unknown>, end?: () => Promise<void>): void {
  const tell = (message: Answer): void => {
    process.send?.(message);
  };
  process.on('message', (request) => {
    answer(request as never).then(
      (value) => {
        tell({ value });
      },
      (error: unknown) => {
        tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      },
    );
  });
  process.once('disconnect', () => {
    (end?.() ?? Promise.resolve()).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  tell({ value: 'ready' });
}

/** Beside its connections, a program has files, a database and its own sockets open. */
const OTHER_DESCRIPTORS = 200;

/** Throws where a process may not have so many connections. Node itself raises the soft limit to the hard one. */
export function requireDescriptors(connections: number): void {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  if (hard === 'unlimited' || Number(hard) >= connections + OTHER_DESCRIPTORS) return;
  throw new Error(
    `${connections} connections need more descriptors than the ${hard ?? '0'} that a process may have here: raise the hard limit (ulimit -Hn)`,
  );
}
