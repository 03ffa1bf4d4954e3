/** Runs the signed reset script: clean environment, password on descriptor 3, bounded output and time. */
import type { DatabaseLocks, LockHolder } from './database-lock.ts';
import { redact, safeDetail } from './detail.ts';
import { beginAttempt, type Attempt, type AttemptLimits } from './script-attempt.ts';
import { canBeHandedOver, startScriptShell } from './script-shell.ts';
import type { ShellTask } from './script-shell.ts';
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

interface Done {
  kind: 'done';
  code: ScriptCode;
  warnings: ScriptWarning[];
  detail: string;
  attempts: number;
}

export type ScriptOutcome =
  | Done
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
  options: { unlock: boolean; unexpire: boolean; mustChange: boolean };
  /** What stands before the account's hash, as it was just read; null where the script is to look by itself. */
  lockMarks: string | null;
  /** Begins before it is known that it may: it applies, or counts for nothing and is run anew. */
  ahead: boolean;
}

/** A run of the script that has begun, as far as it comes without a password. */
export interface PreparedScript {
  /**
   * Hands the password over and waits for what comes of it. Once. Null in the finish phase, which needs none. The caller's
   * own copy is left alone; ours is zeroed.
   */
  run(password: Buffer | null, signal?: AbortSignal): Promise<ScriptOutcome>;
  /** Ends what has begun; nothing is to be undone. */
  discard(): void;
}

export interface ScriptRunner {
  /** Has a shell begin with the script. What it does before it reads descriptor 3 is done, whatever comes of the reset. May throw. */
  prepare(request: ScriptRequest): PreparedScript;
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
/** Nothing is to be found out any more. */
const FINAL: ReadonlySet<ScriptCode> = new Set(['applied', 'account-database-lock-held']);
const LOCK_DELAY_MS_FIRST = 50;
const LOCK_DELAY_MS_MAX = 2_000;

export function createScriptRunner(options: ScriptRunnerOptions): ScriptRunner {
  const { store, locks } = options;
  const start = () => startScriptShell(options.shell ?? '/bin/sh');
  const standby =
    options.standby === true ? createStandby(() => null, start, options.refillAfterMs ?? (() => 0)) : null;
  const begin = (task: ShellTask) => beginAttempt(standby?.take(null) ?? start(), task);
  return {
    standBy: () => standby?.refill(),
    close: () => standby?.close(),
    prepare(request) {
      const path = place(store, request);
      if (typeof path !== 'string') return nothing(path);
      const task = taskOf(path, request);
      if (!canBeHandedOver(task)) {
        return nothing({ kind: 'not-run', code: 'script-failed', detail: 'a name or a path holds a line feed' });
      }
      const attempt = (asked: ShellTask) => heldBy(locks.lockFile()) ?? begin(asked);
      const first = attempt(task);
      return {
        discard: () => {
          if ('discard' in first) first.discard();
        },
        run(password, signal) {
          // Whoever held the lock meanwhile may have locked the account.
          const again = () => attempt(taskOf(path, { ...request, lockMarks: null, ahead: false }));
          const secret = { accountName: request.accountName, password };
          if (!request.ahead || !('discard' in first)) return insist(options, { first, again }, secret, signal);
          return runAhead(options, { first, again }, secret, signal);
        },
      };
    },
  };
}

function nothing(outcome: ScriptOutcome): PreparedScript {
  return { run: () => Promise.resolve(outcome), discard: () => undefined };
}

interface Secret {
  readonly accountName: string;
  readonly password: Buffer | null;
}

/** What began ahead did not look for a reason where it failed, since that writes: a run that begins now does. */
async function runAhead(
  options: ScriptRunnerOptions,
  { first, again }: { readonly first: Attempt; readonly again: () => Attempt | ScriptOutcome },
  secret: Secret,
  signal: AbortSignal | undefined,
): Promise<ScriptOutcome> {
  const { locks, timeoutMs = SCRIPT_MS_MAX, lockWaitMsMax = LOCK_WAIT_MS_MAX } = options;
  if (locks.lockFile() === null) {
    const lockHolder = (pid: number | undefined) => locks.holder(pid);
    const outcome = await finish(first, secret, { timeoutMs, lockWaitMs: lockWaitMsMax, lockHolder }, signal);
    const isOver = outcome.kind === 'interrupted' || (outcome.kind === 'done' && FINAL.has(outcome.code));
    if (isOver) return outcome;
  } else {
    // Somebody has begun to change the account database since, and may be about to lock this very account.
    first.discard();
  }
  return insist(options, { first: again(), again }, secret, signal);
}

/** Tries again while somebody else holds the account database, as long as there is patience. */
async function insist(
  options: ScriptRunnerOptions,
  { first, again }: { readonly first: Attempt | ScriptOutcome; readonly again: () => Attempt | ScriptOutcome },
  secret: Secret,
  signal: AbortSignal | undefined,
): Promise<ScriptOutcome> {
  const { locks, sleep, random, monotonicMs, timeoutMs = SCRIPT_MS_MAX } = options;
  const lockHolder = (pid: number | undefined) => locks.holder(pid);
  const deadline = monotonicMs() + (options.lockWaitMsMax ?? LOCK_WAIT_MS_MAX);
  let tried = first;
  for (let attempts = 1; ; attempts += 1) {
    const limits = { timeoutMs, lockWaitMs: deadline - monotonicMs(), lockHolder };
    const outcome = 'finish' in tried ? await finish(tried, secret, limits, signal) : tried;
    const held = outcome.kind === 'done' && outcome.code === 'account-database-lock-held';
    const delay = Math.min(LOCK_DELAY_MS_MAX, LOCK_DELAY_MS_FIRST * 2 ** attempts) * random();
    if (!held || monotonicMs() + delay > deadline) return outcome.kind === 'done' ? { ...outcome, attempts } : outcome;
    try {
      await sleep(delay, signal);
    } catch {
      return { ...lockHeld('given up while waiting for the lock'), attempts };
    }
    tried = again();
  }
}

async function finish(
  attempt: Attempt,
  { accountName, password }: Secret,
  limits: AttemptLimits,
  signal: AbortSignal | undefined,
): Promise<ScriptOutcome> {
  const secret = password ?? Buffer.alloc(0);
  const ending = await attempt.finish(passwordLine(accountName, secret), limits, signal);
  switch (ending.kind) {
    case 'ended':
      return parseResult(redact(ending.output, secret).toString('utf8'), ending.exitCode, secret);
    case 'held':
      return heldBy(ending.holder);
    case 'stopped': {
      const text = redact(ending.output, secret).toString('utf8');
      return { kind: 'interrupted', code: ending.code, detail: safeDetail(text, secret) };
    }
    case 'not-started':
      return { kind: 'not-run', code: 'script-failed', detail: safeDetail(ending.message) };
    default:
      return ending satisfies never;
  }
}

function place(store: ScriptStore, request: ScriptRequest): string | ScriptOutcome {
  try {
    return store.place(request.bytes, request.digest) ?? { kind: 'not-run', code: 'script-unknown', detail: '' };
  } catch (error) {
    return { kind: 'not-run', code: 'script-failed', detail: safeDetail(String(error)) };
  }
}

function heldBy(holder: LockHolder): Done;
function heldBy(holder: LockHolder | null): Done | null;
function heldBy(holder: LockHolder | null): Done | null {
  if (holder === null) return null;
  return lockHeld(`${holder.path} is held by ${holder.pid === null ? 'an unnamed process' : `process ${holder.pid}`}`);
}

function lockHeld(detail: string): Done {
  return { kind: 'done', code: 'account-database-lock-held', warnings: [], detail, attempts: 1 };
}

function taskOf(path: string, { accountName, phase, options, lockMarks, ahead }: ScriptRequest): ShellTask {
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
      LK_AHEAD: flag(ahead),
    },
  };
}

function passwordLine(accountName: string, password: Buffer): Buffer {
  if (password.length === 0) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from(`${accountName}:`), password, Buffer.from('\n')]);
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
