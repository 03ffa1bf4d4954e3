/** A private view of this machine's account files, with the agent's parts at work in it. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ComponentHealth, ResetResult, Verdict } from '../../../../agent/linux/index.ts';

export interface SandboxReset {
  op: 'reset';
  account: string;
  password: string;
  options?: { unlock?: boolean; unexpire?: boolean; mustChange?: boolean };
  privilegedAuthorised?: boolean;
  script?: string;
  shell?: string;
  sshd?: string;
  lockWaitMsMax?: number;
  scriptTimeoutMs?: number;
  verifyTimeoutMs?: number;
  abortAfterMs?: number;
  /** So long after all else is ready the seal turns out to be broken. */
  sealBreaksAfterMs?: number;
  /** With one verifier that keeps a helper ready. */
  standby?: boolean;
}

export type SandboxRequest =
  | { op: 'sh'; script: string; input?: string }
  | { op: 'background'; script: string }
  | { op: 'hold-lock'; ms: number }
  | { op: 'su'; account: string; password: string }
  | { op: 'chpasswd'; account: string; password: string }
  | { op: 'verify'; account: string; password: string }
  | { op: 'components' }
  | SandboxReset;

export interface Sandbox {
  /** Runs bash in the sandbox; throws where it does not exit with 0. Returns standard output, trimmed. */
  sh(script: string, input?: string): Promise<string>;
  background(script: string): Promise<void>;
  /** Returns once another process holds the account database's lock. */
  holdLock(ms: number): Promise<void>;
  /** Null when it was given up before it began. */
  reset(account: string, password: string, more?: Partial<SandboxReset>): Promise<ResetResult | null>;
  su(account: string, password: string): Promise<boolean>;
  /** The rival: chpasswd alone, without proof. */
  chpasswd(account: string, password: string): Promise<{ status: number; tookMs: number }>;
  verify(account: string, password: string): Promise<Verdict>;
  components(): Promise<Record<string, ComponentHealth>>;
  /** The account's password field in shadow. */
  stored(account: string): Promise<string>;
  close(): Promise<void>;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const NAMESPACES = ['--mount', '--pid', '--fork', '--kill-child=KILL', 'sh', here('enter-sandbox.sh')];

/** Why sandboxes cannot be had here, or null. */
export function whyNoSandbox(): string | null {
  if (process.platform !== 'linux') return 'not on Linux';
  if (process.getuid?.() !== 0) return 'not root: mount namespaces over /etc need it';
  const tried = spawnSync('unshare', [...NAMESPACES, 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? null : `unshare: ${tried.stderr.trim()}`;
}

export async function openSandbox(): Promise<Sandbox> {
  const child = spawn('unshare', [...NAMESPACES, process.execPath, here('sandbox-server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  const ready = Promise.withResolvers<undefined>();
  const closed = Promise.withResolvers<undefined>();
  let ended = false;
  child.once('close', () => {
    closed.resolve(undefined);
    ended = true;
    ready.reject(new Error('the sandbox has ended'));
    for (const { reject } of waiting.values()) reject(new Error('the sandbox has ended'));
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as { ready?: true; id?: number; value?: never; error?: string };
    if (answer.ready === true) {
      ready.resolve(undefined);
      return;
    }
    const waiter = waiting.get(answer.id ?? -1);
    waiting.delete(answer.id ?? -1);
    if (answer.error === undefined) waiter?.resolve(answer.value as never);
    else waiter?.reject(new Error(answer.error));
  });
  let last = 0;
  const ask = <T>(request: SandboxRequest) =>
    new Promise<T>((resolve, reject) => {
      if (ended) throw new Error('the sandbox has ended');
      last += 1;
      waiting.set(last, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id: last, ...request })}\n`);
    });
  await ready.promise;
  const sh = async (script: string, input?: string) => {
    const done = await ask<{ status: number; stdout: string; stderr: string }>({
      op: 'sh',
      script,
      ...(input === undefined ? {} : { input }),
    });
    if (done.status !== 0) throw new Error(`${script}: exit ${done.status}: ${done.stderr}`);
    return done.stdout.trim();
  };
  return {
    sh,
    background: async (script) => {
      await ask({ op: 'background', script });
    },
    holdLock: async (ms) => {
      await ask({ op: 'hold-lock', ms });
    },
    reset: (account, password, more = {}) => ask({ op: 'reset', account, password, ...more }),
    su: (account, password) => ask({ op: 'su', account, password }),
    chpasswd: (account, password) => ask({ op: 'chpasswd', account, password }),
    verify: (account, password) => ask({ op: 'verify', account, password }),
    components: () => ask({ op: 'components' }),
    stored: (account) => sh(`getent -s files shadow ${account} | cut -d: -f2`),
    close: async () => {
      child.stdin.end();
      child.kill('SIGKILL');
      await closed.promise;
    },
  };
}
