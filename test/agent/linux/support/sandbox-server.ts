/** Runs inside the sandbox: answers requests, one JSON line each, with what the parts of the agent say there. */
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createAccountReader,
  createComponentProbes,
  createLinuxResetter,
  createPasswordTool,
  createScriptRunner,
  createScriptStore,
  createSshPolicy,
  createDatabaseLocks,
  createVerifier,
} from '../../../../agent/linux/index.ts';
import type { SandboxReset, SandboxRequest } from './sandbox.ts';

const STATE = '/run/sandbox-state';
const SCRIPT = new URL('../../../../scripts/instance/reset-linux.sh', import.meta.url);
const bytes = readFileSync(SCRIPT);
const script = { bytes, digest: createHash('sha256').update(bytes).digest('hex') };

const sleep = async (ms: number, signal?: AbortSignal) => {
  await delay(ms, undefined, signal ? { signal } : {});
};
const monotonicMs = () => performance.now();
const verifierOptions = { now: Date.now, compileCacheDirectory: `${STATE}/compiled` };
let standby: { verifier: ReturnType<typeof createVerifier>; runner: ReturnType<typeof createScriptRunner> } | undefined;

/** The declarations of the package name it otherwise than its alias does. */
const pty = createRequire(import.meta.url)('node-pty') as {
  spawn(
    file: string,
    args: string[],
    options: object,
  ): { onData(on: (data: string) => void): void; onExit(on: () => void): void; write(data: string): void };
};

function build(request: SandboxReset) {
  const runnerOptions = {
    store: createScriptStore(`${STATE}/scripts`),
    locks: createDatabaseLocks(),
    sleep,
    random: Math.random,
    monotonicMs,
    ...(request.shell === undefined ? {} : { shell: request.shell }),
    ...(request.lockWaitMsMax === undefined ? {} : { lockWaitMsMax: request.lockWaitMsMax }),
    ...(request.scriptTimeoutMs === undefined ? {} : { timeoutMs: request.scriptTimeoutMs }),
  };
  if (request.standby === true) {
    standby ??= {
      verifier: createVerifier({ ...verifierOptions, standby: true }),
      runner: createScriptRunner({ ...runnerOptions, standby: true }),
    };
  }
  const { runner, verifier } = (request.standby === true ? standby : undefined) ?? {
    runner: createScriptRunner(runnerOptions),
    verifier: createVerifier({
      ...verifierOptions,
      ...(request.verifyTimeoutMs === undefined ? {} : { timeoutMs: request.verifyTimeoutMs }),
    }),
  };
  const accounts = createAccountReader({ now: Date.now });
  const ssh = createSshPolicy(request.sshd === undefined ? {} : { sshd: request.sshd });
  return createLinuxResetter({ accounts, tool: createPasswordTool(), runner, verifier, ssh, monotonicMs });
}

/** What a user at a terminal meets: su, asked by an account without rights, on a terminal. */
function su(account: string, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const terminal = pty.spawn(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', 'su', '-s', '/bin/sh', account, '-c', 'echo su-let-us-in'],
      { cwd: '/', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } },
    );
    let seen = '';
    let asked = false;
    terminal.onData((data) => {
      seen += data;
      if (!asked && seen.includes('Password:')) {
        asked = true;
        terminal.write(`${password}\r`);
      }
    });
    terminal.onExit(() => resolve(asked && seen.includes('su-let-us-in')));
  });
}

async function passwordOf({ password, sealBreaksAfterMs }: SandboxReset): Promise<Buffer | null> {
  if (sealBreaksAfterMs === undefined) return Buffer.from(password);
  await sleep(sealBreaksAfterMs);
  return null;
}

async function handle(request: SandboxRequest): Promise<unknown> {
  switch (request.op) {
    case 'sh': {
      const { status, stdout, stderr } = spawnSync('/bin/bash', ['--norc', '-c', request.script], {
        input: request.input ?? '',
        encoding: 'utf8',
      });
      return { status, stdout, stderr };
    }
    case 'background':
      spawn('/bin/bash', ['--norc', '-c', request.script], { stdio: 'ignore', detached: true });
      return {};
    case 'hold-lock': {
      spawn(process.execPath, [fileURLToPath(new URL('hold-lock.ts', import.meta.url)), String(request.ms)], {
        stdio: 'inherit',
      });
      while (createDatabaseLocks().holder() === null) await sleep(5);
      return {};
    }
    case 'su':
      return su(request.account, request.password);
    case 'chpasswd': {
      const startedMs = monotonicMs();
      const child = spawn('chpasswd', { stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.end(`${request.account}:${request.password}\n`);
      const [status] = (await once(child, 'close')) as [number];
      return { status, tookMs: monotonicMs() - startedMs };
    }
    case 'verify': {
      const prepared = createVerifier(verifierOptions).prepare();
      const password = Buffer.from(request.password);
      return prepared.verify(request.account, password).finally(() => prepared.discard());
    }
    case 'components': {
      // All in here are below this process; those who hold a lock shall pass for strangers.
      const probes = createComponentProbes({ stateDirectory: '/run', agentPid: -1 });
      return Object.fromEntries(Object.entries(probes).map(([name, probe]) => [name, probe()]));
    }
    case 'reset': {
      const abort = request.abortAfterMs === undefined ? undefined : AbortSignal.timeout(request.abortAfterMs);
      return build(request).reset({
        accountName: request.account,
        password: () => passwordOf(request),
        options: { unlock: false, unexpire: false, mustChange: false, ...request.options },
        privilegedAuthorised: request.privilegedAuthorised ?? false,
        script:
          request.script === undefined
            ? script
            : { bytes: Buffer.from(request.script), digest: createHash('sha256').update(request.script).digest('hex') },
        ...(abort === undefined ? {} : { signal: abort }),
      });
    }
    default:
      return request satisfies never;
  }
}

process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...request } = JSON.parse(line) as SandboxRequest & { id: number };
  handle(request).then(
    (value) => process.stdout.write(`${JSON.stringify({ id, value })}\n`),
    (error: unknown) => process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`),
  );
}
