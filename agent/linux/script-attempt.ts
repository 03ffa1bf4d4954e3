/** One run of the script by one shell: begun without its secret, then brought to its end. */
import type { ChildProcess } from 'node:child_process';
import type { LockHolder } from './database-lock.ts';
import type { ScriptShell, ShellTask } from './script-shell.ts';

const OUTPUT_BYTES_MAX = 16 * 1024;

/** How it ended. What it printed is the caller's to redact: it may hold the secret. */
export type Ending =
  | { readonly kind: 'ended'; readonly exitCode: number | null; readonly output: Buffer }
  /** Killed while it waited for a lock that this one holds: it had written nothing. */
  | { readonly kind: 'held'; readonly holder: LockHolder }
  | { readonly kind: 'stopped'; readonly code: 'script-timeout' | 'interrupted'; readonly output: Buffer }
  | { readonly kind: 'not-started'; readonly message: string };

export interface AttemptLimits {
  readonly timeoutMs: number;
  readonly lockWaitMs: number;
  /** Who keeps this process, or one below it, from the account database; null when nobody does. */
  readonly lockHolder: (pid: number | undefined) => LockHolder | null;
}

export interface Attempt {
  /** Hands `line` over on descriptor 3 and waits for the end. Once. Zeroes it. */
  finish(line: Buffer, limits: AttemptLimits, signal?: AbortSignal): Promise<Ending>;
  /** Ends it. What has no line yet has changed nothing. */
  discard(): void;
}

export function beginAttempt(shell: ScriptShell, task: ShellTask): Attempt {
  const { child } = shell;
  // From the beginning: it may end before it is given anything.
  const output = collect(child);
  const ended = new Promise<Ending>((resolve) => {
    child.on('error', ({ message }) => resolve({ kind: 'not-started', message }));
    child.on('close', (exitCode) => resolve({ kind: 'ended', exitCode, output: output() }));
  });
  shell.begin(task);
  return {
    discard: () => shell.end(),
    async finish(line, limits, signal) {
      if (signal?.aborted === true) {
        line.fill(0);
        shell.end();
        return { kind: 'stopped', code: 'interrupted', output: Buffer.alloc(0) };
      }
      const killed: { why: 'script-timeout' | 'interrupted' | null; holder: LockHolder | null } = {
        why: null,
        holder: null,
      };
      const stop = (why: 'script-timeout' | 'interrupted') => {
        killed.why ??= why;
        shell.end();
      };
      const timer = setTimeout(() => stop('script-timeout'), limits.timeoutMs);
      // A password tool waits for lckpwdf(3) by itself, which is the shortest wait there can be, but for minutes. Where
      // somebody else holds it, ours has written nothing yet.
      const patience = setTimeout(() => {
        killed.holder = limits.lockHolder(child.pid);
        if (killed.holder !== null) shell.end();
      }, limits.lockWaitMs);
      const onAbort = () => stop('interrupted');
      signal?.addEventListener('abort', onAbort, { once: true });
      shell.give(line);
      const ending = await ended;
      clearTimeout(timer);
      clearTimeout(patience);
      signal?.removeEventListener('abort', onAbort);
      if (ending.kind !== 'ended') return ending;
      const { why, holder } = killed;
      if (holder !== null && ending.exitCode === null) return { kind: 'held', holder };
      return why === null ? ending : { kind: 'stopped', code: why, output: ending.output };
    },
  };
}

/** Reads on after the limit, so that the script does not stall, but keeps the last part: the result is there. */
function collect(child: ChildProcess): () => Buffer {
  let kept = Buffer.alloc(0);
  for (const stream of [child.stderr, child.stdout]) {
    stream?.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk]);
      if (kept.length > OUTPUT_BYTES_MAX) kept = kept.subarray(-OUTPUT_BYTES_MAX);
    });
  }
  return () => kept;
}
