/**
 * Proves that a password works, once a task, through the system's own PAM in a helper process that is killed when it
 * does not answer. See README.md for what is asked of PAM and what is not.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { findPasswd, findShadow } from './account-files.ts';
import { readAccountFiles } from './account-reader.ts';
import { parseEvidence } from './evidence.ts';
import type { HelperEvidence } from './evidence.ts';
import { countFailures, faillockSettings } from './faillock.ts';
import { readTally } from './faillock-tally.ts';
import { resolveAccount } from './accounts.ts';
import { SYSTEM_ENVIRONMENT } from './environment.ts';
import { helperCommand } from './helper-command.ts';
import { frameRequest, type HelperRequest } from './helper-request.ts';
import { killTree } from './process-group.ts';
import { createStandby } from './standby.ts';
import { judgeVerification, mayAuthenticate } from './verification.ts';
import type { Verdict, VerificationAccount, VerificationEvidence } from './verification.ts';

export const VERIFICATION_MS_MAX = 15_000;
const HASH_MS_MAX = 5_000;
/**
 * What sets the password goes first: to load PAM takes the helper as much of the processor as the start of a process, and
 * there may be one processor only. It is done before a password is set that is hashed as it should be.
 */
const BEGIN_AFTER_MS = 7;
const EVIDENCE_BYTES_MAX = 16 * 1024;

/** In order of preference: asks for the password, knows no second factor by custom, lets root in, has account rules. */
const PAM_SERVICES = ['login', 'sshd', 'remote', 'system-login', 'system-auth', 'password-auth'] as const;
export const PAM_DIRECTORIES = ['/etc/pam.d', '/usr/lib/pam.d', '/usr/share/pam.d'] as const;

/** Services whose rules differ for root (su, runuser) or that let anything through are not in the list. */
export function choosePamService(
  exists: (path: string) => boolean,
  directories: readonly string[] = PAM_DIRECTORIES,
): string | null {
  return PAM_SERVICES.find((service) => directories.some((directory) => exists(`${directory}/${service}`))) ?? null;
}

export interface PreparedVerification {
  /** Call at most once. The password is not kept. Never rejects, except by `signal`. */
  verify(accountName: string, password: Buffer, signal?: AbortSignal): Promise<Verdict>;
  /** Ends the helper that was not needed. */
  discard(): void;
}

export interface Verifier {
  /** Starts the helper, so that it is ready when the password is set. */
  prepare(): PreparedVerification;
  /** Ends the standby helper, if there is one. */
  close(): void;
}

export interface VerifierOptions {
  now: () => number;
  etc?: string;
  /** What starts the helper, if not `helperCommand`. The PAM service's name is appended. */
  helper?: { readonly file: string; readonly args: readonly string[] };
  /** A root-owned directory for compiled code; saves the helper half of its start. */
  compileCacheDirectory?: string;
  service?: string | null;
  /** Keeps one started helper waiting for the next reset: its start then costs that reset nothing. See README.md. */
  standby?: boolean;
  /** How long after a reset the next helper is started; at once when absent. */
  refillAfterMs?: () => number;
  timeoutMs?: number;
}

export function createVerifier(options: VerifierOptions): Verifier {
  const { now, etc = '/etc', timeoutMs = VERIFICATION_MS_MAX } = options;
  const helper = options.helper ?? helperCommand();
  const env = options.compileCacheDirectory === undefined ? {} : { NODE_COMPILE_CACHE: options.compileCacheDirectory };
  const start = (service: string | null) =>
    startHelper(helper.file, [...helper.args, ...(service === null ? [] : [service])], env);
  const choose = () => (options.service === undefined ? choosePamService(existsSync) : options.service);
  const standby = options.standby === true ? createStandby(choose, start, options.refillAfterMs ?? (() => 0)) : null;

  return {
    close: () => standby?.close(),
    prepare() {
      const service = choose();
      const prepared = standby?.take(service) ?? start(service);
      const timer = setTimeout(() => prepared.begin(), BEGIN_AFTER_MS);
      return {
        discard() {
          clearTimeout(timer);
          prepared.end();
          standby?.refill();
        },
        async verify(accountName, password, signal) {
          clearTimeout(timer);
          prepared.begin(); // unless it has
          const facts = readFacts(etc, accountName, now());
          if (facts === null) {
            prepared.end();
            return judgeVerification({ ...noEvidence, helper: null });
          }
          const request = {
            account: accountName,
            authenticate: service !== null && mayAuthenticate(facts.account),
            hash: facts.hash,
          };
          const answer = await prepared.ask(request, password, timeoutMs, signal);
          const timedOut = answer === null && request.authenticate;
          // A module that hangs takes its helper with it; the hash needs no module. This is no second attempt.
          const final = timedOut ? await compareHash(start(null), request, password, signal) : answer;
          return judgeVerification({
            account: facts.account,
            helper: final,
            pamPresent: service !== null,
            timedOut,
            faillock: readFaillock(etc, service, accountName),
          });
        },
      };
    },
  };
}

function compareHash(
  helper: Helper,
  request: HelperRequest,
  password: Buffer,
  signal?: AbortSignal,
): Promise<HelperEvidence | null> {
  helper.begin();
  return helper.ask({ ...request, authenticate: false }, password, HASH_MS_MAX, signal);
}

const noEvidence: Omit<VerificationEvidence, 'helper'> = {
  account: {
    uid: -1,
    lock: 'none',
    shellUsable: true,
    expired: false,
    agedOut: false,
    inactive: false,
    mustChange: false,
  },
  pamPresent: false,
  timedOut: false,
  faillock: { failures: 0, deny: Number.POSITIVE_INFINITY },
};

/** The account as it is after the reset: an unlock or a new date of change shows here. */
function readFacts(
  etc: string,
  name: string,
  now: number,
): { account: VerificationAccount; hash: string | null } | null {
  const files = readAccountFiles(etc);
  const resolution = resolveAccount(files, name, Math.floor(now / 86_400_000));
  if (!resolution.ok) return null;
  const stored = findShadow(files.shadow, name)?.password ?? findPasswd(files.passwd, name)?.password ?? '';
  return { account: resolution.account, hash: resolution.account.hasPassword ? stored.replace(/^[!*]+/, '') : null };
}

function readFaillock(etc: string, service: string | null, name: string): { failures: number; deny: number } {
  const text = (path: string) => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return '';
    }
  };
  const stacks = [service ?? 'login', 'common-auth', 'system-auth', 'password-auth'].map((file) =>
    text(join(etc, 'pam.d', file)),
  );
  const settings = faillockSettings(text(join(etc, 'security/faillock.conf')), stacks);
  return { deny: settings.deny, failures: countFailures(readTally(join(settings.directory, name))) };
}

interface Helper {
  /** null: no answer in time, or none that makes sense. */
  ask(
    request: HelperRequest,
    password: Buffer,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<HelperEvidence | null>;
  /** A reset has begun: load what PAM needs. The first call counts. */
  begin(): void;
  alive(): boolean;
  end(): void;
}

function startHelper(file: string, args: string[], env: NodeJS.ProcessEnv): Helper {
  // A group of its own: a module's children go with it.
  const child = spawn(file, args, {
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    env: { ...env, ...SYSTEM_ENVIRONMENT },
    cwd: '/',
    detached: true,
  });
  const end = () => killTree(child);
  let begun = false;
  const input = child.stdin as Socket;
  const output = child.stdio[3] as Socket;
  input.on('error', () => undefined); // a helper that is gone shows by its missing answer
  const answer = readAnswer(child, output);
  // A helper that waits must not keep the agent from ending.
  for (const handle of [child, input, output]) handle.unref();
  return {
    end,
    alive: () => child.pid !== undefined && child.exitCode === null && child.signalCode === null,
    begin() {
      if (begun) return;
      begun = true;
      for (const handle of [child, input, output]) handle.ref();
      input.write('b');
    },
    async ask(request, password, timeoutMs, signal) {
      signal?.throwIfAborted();
      const frame = frameRequest(request, password);
      input.end(frame, () => frame.fill(0));
      const timer = setTimeout(end, timeoutMs);
      signal?.addEventListener('abort', end, { once: true });
      try {
        const evidence = await answer;
        signal?.throwIfAborted();
        return evidence;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        frame.fill(0);
      }
    },
  };
}

/** Resolves at the line, not at the exit, which comes a few milliseconds later. */
function readAnswer(child: ChildProcess, output: Socket): Promise<HelperEvidence | null> {
  return new Promise((resolve) => {
    let text = '';
    output.setEncoding('utf8');
    output.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > EVIDENCE_BYTES_MAX) {
        resolve(null);
        return;
      }
      if (text.endsWith('\n')) resolve(parseEvidence(text));
    });
    output.on('error', () => resolve(null));
    child.on('error', () => resolve(null));
    child.on('close', () => resolve(null));
  });
}
