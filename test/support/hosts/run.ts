import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';

/** What a finished command left behind. A command ended by a signal has the code a shell gives it, 128 + number. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Standard input; closed at once when absent. */
  readonly input?: string | Uint8Array;
  /** The whole environment of the command; that of this process when absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to descriptor 3, for programs that read a secret there. */
  readonly descriptor3?: string;
  /** The command is killed, and `run` throws, when it takes longer. */
  readonly timeoutMs?: number;
}

export const RUN_TIMEOUT_MS = 60_000;
export const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** An argument vector with the program first. */
export type Argv = readonly [string, ...string[]];

/** Runs a command to its end. A code other than 0 is a result, not an error; a missing program or a timeout throws. */
export async function run(argv: Argv, options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = argv;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe', options.descriptor3 === undefined ? 'ignore' : 'pipe'],
    // A group of its own: a timeout ends the whole family, and Ctrl-C leaves the cleaning up to us.
    detached: true,
  });
  // All of these are pipes, as asked for above; the types cannot tell.
  const [stdin, out, err, extra] = child.stdio as unknown as [Writable, Readable, Readable, Writable | null];
  const stdout = collect(out);
  const stderr = collect(err);
  // A command may end without reading its input; that is its own business.
  feed(stdin, options.input);
  if (extra !== null) feed(extra, options.descriptor3);

  const timeoutMs = options.timeoutMs ?? RUN_TIMEOUT_MS;
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    killGroup(child.pid);
  }, timeoutMs);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exit, signal) => {
        resolve(exit ?? 128 + constants.signals[signal ?? 'SIGKILL']);
      });
    });
    if (late.signal.aborted)
      throw new Error(`${describe(argv)} ran longer than ${String(timeoutMs)} ms: ${stdout()}${stderr()}`);
    return { code, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
  }
}

/** Like {@link run}, but a code other than 0 is an error that quotes what the command said. */
export async function mustRun(argv: Argv, options: RunOptions = {}): Promise<RunResult> {
  const result = await run(argv, options);
  if (result.code !== 0) {
    throw new Error(`${describe(argv)} ended with ${String(result.code)}: ${result.stdout}${result.stderr}`);
  }
  return result;
}

/** Kills a process that leads its own group, together with the group; no error when it is gone already. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function feed(stream: Writable, text: string | Uint8Array | undefined): void {
  stream.on('error', () => undefined);
  stream.end(text);
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= OUTPUT_BYTES_MAX) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function describe(argv: Argv): string {
  const line = argv.join(' ');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
