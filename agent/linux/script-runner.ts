/** Runs the signed reset script: clean environment, password on descriptor 3, bounded output and time. */
import type { ChildProcess } from 'node:child_process';
import type { DatabaseLocks, LockHolder } from './database-lock.ts';
import { redact, safeDetail } from './detail.ts';
import { killTree } from './process-group.ts';
import { canBeHandedOver, startScriptShell } from './script-shell.ts';
import type { ScriptShell, ShellTask } from './script-shell.ts';
import type { ScriptStore } from './script-store.ts';
import { createStandby } from './standby.ts';

export const SCRIPT_CODES = [
  'applied',
  'account-database-lock-held',
  'account-database-read-only',
  'account-database-immutable',
  'account-database-busy',
  'disk-full',
  'pam-broken',
  'policy-refused',
  'selinux-denied',
  'account-not-found',
  'script-failed',
] as const;
export type ScriptCode = (typeof SCRIPT_CODES)[number];

export const SCRIPT_WARNINGS = ['unexpire-failed', 'unlock-failed'] as const;
export type ScriptWarning = (typeof SCRIPT_WARNINGS)[number];

export type ScriptOutcome =
  | { kind: 'done'; code: ScriptCode; warnings: ScriptWarning[]; detail: string; attempts: number }
  /** Nothing was run. */
  | { kind: 'not-run'; code: 'script-unknown' | 'script-failed'; detail: string }
  /** Killed; what it did is not known. */
  | { kind: 'interrupted'; code: 'script-timeout' | 'interrupted'; detail: string };

export interface ScriptRequest {
  bytes: Buffer;
  /** SHA-256, lower-case hex. */
  digest: string;
  phase: 'apply' | 'finish';
  /** Has passed the allowlist of names. */
  accountName: string;
  /** null in the finish phase, which needs none. The caller's own copy is left alone; ours is zeroed. */
  password: Buffer | null;
  options: { unlock: boolean; unexpire: boolean; mustChange: boolean };
  /** What stands before the account's hash, as it was just read; null where the script is to look by itself. */
  lockMarks: string | null;
}

export interface ScriptRunner {
  run(request: ScriptRequest, signal?: AbortSignal): Promise<ScriptOutcome>;
  /** A reset is over: gets ready for the next one. */
  standBy(): void;
  /** Ends the shell that stands by, if there is one. */
  close(): void;
}

export interface ScriptRunnerOptions {
  store: ScriptStore;
  locks: DatabaseLocks;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  random: () => number;
  monotonicMs: () => number;
  shell?: string;
  /** Keeps one started shell waiting for the next reset: its start then costs that reset nothing. See README.md. */
  standby?: boolean;
  /** How long after a reset the next shell is started; at once when absent. */
  refillAfterMs?: () => number;
  timeoutMs?: number;
  lockWaitMsMax?: number;
}

export const SCRIPT_MS_MAX = 20_000;
export const LOCK_WAIT_MS_MAX = 15_000;
const LOCK_DELAY_MS_FIRST = 50;
const LOCK_DELAY_MS_MAX = 2_000;
const OUTPUT_BYTES_MAX = 16 * 1024;

export function createScriptRunner(options: ScriptRunnerOptions): ScriptRunner {
  const { store, locks, sleep, random, monotonicMs, lockWaitMsMax = LOCK_WAIT_MS_MAX } = options;
  const start = () => startScriptShell(options.shell ?? '/bin/sh');
  const standby =
    options.standby === true ? createStandby(() => null, start, options.refillAfterMs ?? (() => 0)) : null;
  const shell = () => standby?.take(null) ?? start();
  return {
    standBy: () => standby?.refill(),
    close: () => standby?.close(),
    async run(request, signal) {
      const path = place(store, request);
      if (typeof path !== 'string') return path;
      const deadline = monotonicMs() + lockWaitMsMax;
      for (let attempts = 1; ; attempts += 1) {
        // Whoever held the lock meanwhile may have locked the account.
        const current = attempts === 1 ? request : { ...request, lockMarks: null };
        const outcome =
          heldBy(locks.lockFile()) ??
          (await runOnce(path, current, { ...options, shell, lockWaitMsMax: deadline - monotonicMs() }, signal));
        const held = outcome.kind === 'done' && outcome.code === 'account-database-lock-held';
        const delay = Math.min(LOCK_DELAY_MS_MAX, LOCK_DELAY_MS_FIRST * 2 ** attempts) * random();
        if (!held || monotonicMs() + delay > deadline)
          return outcome.kind === 'done' ? { ...outcome, attempts } : outcome;
        try {
          await sleep(delay, signal);
        } catch {
          return {
            kind: 'done',
            code: 'account-database-lock-held',
            warnings: [],
            detail: 'given up while waiting for the lock',
            attempts,
          };
        }
      }
    },
  };
}

function place(store: ScriptStore, request: ScriptRequest): string | ScriptOutcome {
  try {
    return store.place(request.bytes, request.digest) ?? { kind: 'not-run', code: 'script-unknown', detail: '' };
  } catch (error) {
    return { kind: 'not-run', code: 'script-failed', detail: safeDetail(String(error)) };
  }
}

function heldBy(holder: LockHolder | null): ScriptOutcome | null {
  if (holder === null) return null;
  const detail = `${holder.path} is held by ${holder.pid === null ? 'an unnamed process' : `process ${holder.pid}`}`;
  return { kind: 'done', code: 'account-database-lock-held', warnings: [], detail, attempts: 1 };
}

function runOnce(
  path: string,
  request: ScriptRequest,
  options: Omit<ScriptRunnerOptions, 'shell'> & { readonly shell: () => ScriptShell },
  signal?: AbortSignal,
): Promise<ScriptOutcome> {
  if (signal?.aborted === true)
    return Promise.resolve({ kind: 'interrupted', code: 'interrupted', detail: 'before it was started' });
  const secret = request.password ?? Buffer.alloc(0);
  const task = taskOf(path, request);
  if (!canBeHandedOver(task)) {
    return Promise.resolve({ kind: 'not-run', code: 'script-failed', detail: 'a name or a path holds a line feed' });
  }
  const shell = options.shell();
  const { child } = shell;
  shell.begin(task, passwordLine(request.accountName, secret));
  return new Promise((resolve) => {
    let stopped: 'script-timeout' | 'interrupted' | null = null;
    const stop = (why: 'script-timeout' | 'interrupted') => {
      stopped ??= why;
      killTree(child);
    };
    const timer = setTimeout(() => stop('script-timeout'), options.timeoutMs ?? SCRIPT_MS_MAX);
    // A password tool waits for lckpwdf(3) by itself, which is the shortest wait there can be, but for minutes. Where
    // somebody else holds it, ours has written nothing yet.
    let held: ScriptOutcome | null = null;
    const patience = setTimeout(() => {
      held = heldBy(options.locks.holder(child.pid));
      if (held !== null) killTree(child);
    }, options.lockWaitMsMax ?? LOCK_WAIT_MS_MAX);
    const onAbort = () => stop('interrupted');
    signal?.addEventListener('abort', onAbort, { once: true });
    const output = collect(child);
    const settle = (outcome: ScriptOutcome) => {
      clearTimeout(timer);
      clearTimeout(patience);
      signal?.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    child.on('error', (error) => settle({ kind: 'not-run', code: 'script-failed', detail: safeDetail(error.message) }));
    child.on('close', (exitCode) => {
      const text = redact(output(), secret).toString('utf8');
      if (held !== null && exitCode === null) settle(held);
      else if (stopped !== null) settle({ kind: 'interrupted', code: stopped, detail: safeDetail(text, secret) });
      else settle(parseResult(text, exitCode, secret));
    });
  });
}

function taskOf(path: string, { accountName, phase, options, lockMarks }: ScriptRequest): ShellTask {
  const flag = (on: boolean) => (on ? '1' : '0');
  return {
    path,
    variables: {
      LK_ACCOUNT: accountName,
      LK_PHASE: phase,
      LK_UNLOCK: flag(options.unlock),
      LK_UNEXPIRE: flag(options.unexpire),
      LK_MUST_CHANGE: flag(options.mustChange),
      LK_LOCK: lockMarks === '' ? 'none' : (lockMarks ?? ''),
    },
  };
}

function passwordLine(accountName: string, password: Buffer): Buffer {
  if (password.length === 0) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from(`${accountName}:`), password, Buffer.from('\n')]);
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

const RESULT = /^latchkey-result code=([a-z-]{1,40}) warnings=([a-z,-]{0,100}) detail=(.*)$/m;

/** A result counts only with the exit status that belongs to it. */
export function parseResult(text: string, exitCode: number | null, secret?: Buffer): ScriptOutcome {
  const match = RESULT.exec(text);
  const code = SCRIPT_CODES.find((known) => known === match?.[1]);
  if (match === null || code === undefined || (code === 'applied') !== (exitCode === 0)) {
    const detail = safeDetail(`exit ${exitCode ?? 'by signal'}: ${text}`, secret);
    return { kind: 'done', code: 'script-failed', warnings: [], detail, attempts: 1 };
  }
  const warnings = SCRIPT_WARNINGS.filter((known) => match[2]?.split(',').includes(known));
  return { kind: 'done', code, warnings, detail: safeDetail(match[3] ?? '', secret), attempts: 1 };
}
