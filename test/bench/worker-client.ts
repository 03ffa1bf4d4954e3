import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { PLACE_ENVIRONMENT } from '../support/hosts/place.ts';
import type { LightHost } from '../support/hosts/light.ts';

/** Milliseconds until the password was set, and until it was proven; the same where nothing proves it. */
export interface Measured {
  readonly appliedMs: number;
  readonly verifiedMs: number;
}

export type WorkerRequest =
  | { readonly op: 'chpasswd'; readonly account: string; readonly password: string }
  | { readonly op: 'reset'; readonly account: string; readonly password: string; readonly standby: boolean }
  | { readonly op: 'flush'; readonly directory: string };

/** What is measured inside the instance by itself; see worker.ts. One request at a time. */
export interface Worker extends AsyncDisposable {
  readonly pid: number;
  chpasswd(account: string, password: string): Promise<Measured>;
  reset(account: string, password: string, standby: boolean): Promise<Measured>;
  /** Milliseconds that a write of 4 KB takes to be flushed there. */
  flush(directory: string): Promise<number>;
}

export async function startWorker(host: LightHost): Promise<Worker> {
  const program = fileURLToPath(new URL('worker.ts', import.meta.url));
  const [nsenter, ...entry] = host.entry();
  const command = [...entry, execPath, '--disable-warning=ExperimentalWarning', program];
  const child = spawn(nsenter, command, { env: PLACE_ENVIRONMENT, stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<{ value?: unknown; error?: string }> => {
    const line = await answers.next();
    if (line.done === true) throw new Error('the worker in the instance has ended');
    return JSON.parse(line.value) as { value?: unknown; error?: string };
  };
  await next();
  // Requests are written by this process alone, whose types say what each is answered with.
  const ask = async <T>(request: WorkerRequest): Promise<T> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, error } = await next();
    if (error !== undefined) throw new Error(`${request.op} in the instance: ${error}`);
    return value as T;
  };
  return {
    pid: child.pid ?? -1,
    chpasswd: (account, password) => ask({ op: 'chpasswd', account, password }),
    reset: (account, password, standby) => ask({ op: 'reset', account, password, standby }),
    flush: (directory) => ask({ op: 'flush', directory }),
    async [Symbol.asyncDispose]() {
      const gone = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'close');
      child.stdin.end();
      await gone;
    },
  };
}
