import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** An argument vector with the program first. */
export type Argv = readonly [string, ...string[]];

export interface RunOptions {
  /** The whole environment: what a demonstration shows must not depend on who runs it, nor on a proxy of theirs. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends the command, and rejects with the reason. */
  readonly signal: AbortSignal;
  /** Standard input; closed at once when absent. Secrets go this way: arguments can be read by every user. */
  readonly input?: string;
}

/** What a finished command left behind. One ended by a signal has the code a shell gives it, 128 + number. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  /** Standard output and error in the order they came. */
  readonly said: string;
}

const RUN_TIMEOUT_MS = 60_000;
const KILLED_DEADLINE_MS = 5_000;
const LOG_LINES = 20;

/** Runs a command to its end. A code other than 0 is a result, not an error. */
export async function run(argv: Argv, { env, signal, input = '' }: RunOptions): Promise<Finished> {
  signal.throwIfAborted();
  const [program, ...args] = argv;
  // A group of its own: Ctrl-C on the terminal reaches only us, who then end everything in order.
  const child = spawn(program, args, { env, stdio: 'pipe', detached: true });
  let stdout = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // A command may end without reading its input; that is its own business.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);

  const limit = AbortSignal.any([signal, AbortSignal.timeout(RUN_TIMEOUT_MS)]);
  const kill = (): void => signalGroup(child, 'SIGKILL');
  limit.addEventListener('abort', kill);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exit, by) => resolve(exit ?? 128 + constants.signals[by ?? 'SIGKILL']));
      // Not its close then: what it started may hold its pipes until the instance ends.
      child.once('exit', () => {
        if (limit.aborted) resolve(-1);
      });
    });
    signal.throwIfAborted();
    if (limit.aborted) throw new Error(`${argv.join(' ')} took more than ${RUN_TIMEOUT_MS / 1000} s: ${said}`);
    return { code, stdout, said };
  } finally {
    limit.removeEventListener('abort', kill);
  }
}

/** Like `run`, but a code other than 0 is an error that quotes what the command said. */
export async function mustRun(argv: Argv, options: RunOptions): Promise<Finished> {
  const finished = await run(argv, options);
  if (finished.code === 0) return finished;
  throw new Error(`${argv.join(' ')} ended with code ${finished.code}: ${finished.said.trim() || 'it said nothing'}`);
}

/** A program that runs beside us, and whose output goes to a file. */
export interface Daemon {
  readonly logFile: string;
  /** How it ended; null while it runs. */
  readonly ended: string | null;
  /** Resolves when it has ended, by itself or not. */
  readonly whenEnded: Promise<void>;
  /** Asks it to end, and after `graceMs` no longer asks. Throws when even that does not end it. */
  end(options: { readonly graceMs: number; readonly first?: () => void }): Promise<void>;
}

/**
 * Starts a program that keeps running. Should we be killed, the kernel kills it, and its standard input, a pipe, closes: so
 * even then no process is left.
 */
export function startDaemon(
  argv: Argv,
  options: { readonly env: Readonly<Record<string, string>>; readonly logFile: string },
): Daemon {
  const { env, logFile } = options;
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { env, stdio: ['pipe', log, log], detached: true });
  closeSync(log);
  let ended: string | null = null;
  const whenEnded = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      ended ??= how;
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, by) => end(by === null ? `with code ${String(code)}` : `by ${by}`));
  });
  return {
    logFile,
    get ended() {
      return ended;
    },
    whenEnded,
    async end({ graceMs, first = () => signalGroup(child, 'SIGTERM') }) {
      if (ended !== null) return;
      first();
      if (await happens(whenEnded, graceMs)) return;
      signalGroup(child, 'SIGKILL');
      if (await happens(whenEnded, KILLED_DEADLINE_MS)) return;
      throw new Error(`process ${String(child.pid)} (${argv.join(' ')}) does not end`);
    },
  };
}

/** The last lines of a log, for whoever has to find out why. */
export function lastLines(logFile: string): string[] {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES);
  } catch {
    return [];
  }
}

/** Asks until the answer is true; rejects with `why()` when the time is over. */
export async function until(
  probe: () => boolean | Promise<boolean>,
  options: { readonly deadlineMs: number; readonly everyMs: number; readonly signal: AbortSignal; why(): Error },
): Promise<void> {
  const end = performance.now() + options.deadlineMs;
  while (!(await probe())) {
    if (performance.now() > end) throw options.why();
    await sleep(options.everyMs, undefined, { signal: options.signal });
  }
}

/** Whether it resolves in that time. */
async function happens(event: Promise<void>, withinMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(withinMs, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([event.then(() => true), late]);
  } finally {
    timer.abort();
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  signalIfThere(-child.pid, signal);
}

/** Sends a signal to a process, or with a negative number to a group; no error when it was faster. */
export function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
