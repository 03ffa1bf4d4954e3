import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { ProjectName } from '#protocol';
import { createApiClient } from '../../../control-plane/cli/api/client.ts';
import { createRoutes, type Routes } from '../../../control-plane/cli/api/routes.ts';
import { createUndiciTransport } from '../../../control-plane/cli/api/undici-transport.ts';
import type { RateLimits } from '../../../control-plane/server/http/rate-limits.ts';
import type { Door } from './tls.ts';

/** What a server says of itself after a collection. */
export interface ServerFigures {
  readonly rssMebibytes: number;
  readonly heapMebibytes: number;
  readonly externalMebibytes: number;
  /** What keeps its event loop alive, by type: timers, sockets. */
  readonly resources: Readonly<Record<string, number>>;
}
export type ServerWord = { readonly type: 'ready' } | { readonly type: 'figures'; readonly figures: ServerFigures };

/** A control plane in a process of its own, on loopback with TLS and a database on disk. */
export interface ServerUnderTest extends AsyncDisposable {
  readonly url: string;
  readonly door: Door;
  readonly administrator: string;
  readonly routes: Routes;
  /** Lines of its log that say that something went wrong in it, and whatever else it has printed. */
  readonly complaints: readonly string[];
  readonly isAlive: () => boolean;
  figures(): Promise<ServerFigures>;
  descriptors(): Promise<number>;
}

const START_MS_MAX = 60_000;
const ANSWER_MS_MAX = 60_000;
const PROGRAM = fileURLToPath(new URL('server-process.ts', import.meta.url));
/** As they come: no part of a run with these is about limits. */
export const NO_LIMITS: RateLimits = {
  enrolment: { burst: 1_000_000, perSecond: 100_000 },
  failedAuthentication: { burst: 1_000_000, perSecond: 100_000 },
  reset: { burst: 1_000_000, perSecond: 100_000 },
  signIn: { burst: 1_000_000, perSecond: 100_000 },
};

/** Project `default`, and `healthy` for whoever must not be disturbed, both enabled. */
export async function startServerUnderTest(rateLimits: Partial<RateLimits>): Promise<ServerUnderTest> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-server-')); // 0700
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  const url = `https://127.0.0.1:${String(port)}`;
  const [dataDir, keysDir, config] = ['data', 'keys', 'config.json'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const listen = `127.0.0.1:${String(port)}`;
  await writeFile(config, JSON.stringify({ listen, publicUrl: url, dataDir, keysDir, rateLimits, logLevel: 'warn' }));
  const child = fork(PROGRAM, [config], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  stack.defer(() => stop(child));
  const complaints = listenTo(child);
  await word(child, 'ready', START_MS_MAX, complaints);
  const ca = await readFile(join(keysDir, 'ca.crt'), 'utf8');
  const administrator = (await readFile(join(keysDir, 'administrator-token'), 'utf8')).trim();
  const transport = createUndiciTransport({ url, ca, token: administrator, env: {} });
  stack.defer(() => transport.close());
  const routes = createRoutes(createApiClient(transport));
  const { version } = await routes.service.statement();
  for (const name of ['default', 'healthy'])
    await routes.service.change(ProjectName.parse(name), { enabled: true, statementVersion: version });
  const parts = stack.move();
  return {
    ...{ url, administrator, routes, complaints, door: { host: '127.0.0.1', port, ca } },
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async figures() {
      const answer = word(child, 'figures', ANSWER_MS_MAX, complaints);
      child.send('figures');
      return (await answer).figures;
    },
    descriptors: async () => (await readdir(`/proc/${String(child.pid)}/fd`)).length,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Of pino. A warning is what the server is to say, as when it fences an identity; an error is a fault of its own. */
const ERROR_LEVEL = 50;
const LogLine = z.object({ level: z.number() });

/** Also whatever is not a line of the log at all, such as the last words of a process. */
function isComplaint(line: string): boolean {
  if (line === '') return false;
  try {
    return LogLine.parse(JSON.parse(line)).level >= ERROR_LEVEL;
  } catch {
    return true;
  }
}

function listenTo(child: ChildProcess): string[] {
  const complaints: string[] = [];
  let rest = '';
  const onData = (chunk: Buffer): void => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    complaints.push(...lines.filter(isComplaint));
  };
  child.stdout?.on('data', onData);
  child.stderr?.on('data', onData);
  return complaints;
}

async function word<T extends ServerWord['type']>(
  child: ChildProcess,
  type: T,
  deadlineMs: number,
  complaints: readonly string[],
): Promise<Extract<ServerWord, { type: T }>> {
  const over = new AbortController();
  const onExit = (): void => over.abort();
  child.once('exit', onExit);
  try {
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(deadlineMs)]);
    const [said] = (await once(child, 'message', { signal })) as [ServerWord];
    if (said.type === type) return said as Extract<ServerWord, { type: T }>;
    throw new Error(`the server said ${said.type}`);
  } catch (error) {
    throw new Error(`the server did not say "${type}": ${complaints.slice(-10).join('\n')}`, { cause: error });
  } finally {
    child.off('exit', onExit);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port of the loopback is free');
  return address.port;
}
