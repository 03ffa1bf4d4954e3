import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './hosts/until.ts';

/** A control plane, agents and the command line as processes of their own on the loopback, without root. */

const program = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
const DEADLINE_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface AgentProcess {
  readonly state: string;
  /** One verb of it, to its end. */
  verb(...words: string[]): Promise<Ended>;
  /** `status --json`. */
  status(): Promise<{ readonly state: string | null; readonly since: string; readonly keySetVersion: number }>;
  start(): void;
  stop(): Promise<void>;
}

export interface ProcessWorld extends AsyncDisposable {
  readonly directory: string;
  readonly keys: string;
  readonly port: number;
  readonly url: string;
  startServer(): Promise<void>;
  stopServer(): Promise<void>;
  signalServer(signal: NodeJS.Signals): void;
  /** The command line of an operator who has the authority of the first start. */
  latchkey(...words: string[]): Promise<Ended>;
  /** Like it, `--json`, and well ended. */
  json(...words: string[]): Promise<unknown>;
  joinToken(): Promise<string>;
  /** Enrols one that does not run yet. */
  enrol(name: string, token: string): Promise<AgentProcess>;
  /** One that has the state of the other. */
  copyOf(agent: AgentProcess, name: string): AgentProcess;
  running(name: string): Promise<void>;
}

export async function openProcessWorld(): Promise<ProcessWorld> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-processes-')));
  const [keys, authority] = [join(directory, 'keys'), join(directory, 'operator-ca.crt')];
  const port = await freePort();
  const url = `https://127.0.0.1:${String(port)}`;
  const processes = createProcesses();
  const serverArgs = ['--listen', `127.0.0.1:${String(port)}`, '--public-url', url, '--keys', keys];
  let server: Running | null = null;
  let operator: NodeJS.ProcessEnv = {};

  const startServer = async () => {
    const started = processes.start('latchkey', ['server', ...serverArgs, '--data', join(directory, 'data')]);
    server = started;
    await until(() => started.said().includes('Latchkey is ready') || (started.ended() && fail(started.said())), {
      what: () => `the control plane: ${started.said()}`,
      deadlineMs: DEADLINE_MS,
    });
  };
  const latchkey = (...words: string[]) => processes.run('latchkey', words, '', operator);
  const json = async (...words: string[]) => {
    const { code, out, err } = await latchkey(...words, '--json');
    return code === 0 ? (JSON.parse(out) as unknown) : fail(`latchkey ${words.join(' ')}: ${out}${err}`);
  };
  const agentAt = (state: string): AgentProcess => createAgentProcess(processes, state, join(directory, 'policy.json'));

  await startServer();
  cpSync(join(keys, 'ca.crt'), authority);
  const token = readFileSync(join(keys, 'administrator-token'), 'utf8').trim();
  operator = { LATCHKEY_URL: url, LATCHKEY_TOKEN: token, LATCHKEY_CA: authority, HOME: directory };

  return {
    ...{ directory, keys, port, url, startServer, latchkey, json },
    async stopServer() {
      await server?.end('SIGTERM');
    },
    signalServer(signal) {
      server?.signal(signal);
    },
    async joinToken() {
      return ((await json('tokens', 'create', '--type', 'join')) as { token: string }).token;
    },
    async enrol(name, joinToken) {
      const agent = agentAt(join(directory, name));
      const words = ['enroll', '--url', url, '--name', name, '--state', agent.state];
      const { code, err } = await processes.run('latchkey-agent', words, `${joinToken}\n`);
      return code === 0 ? agent : fail(err);
    },
    copyOf(agent, name) {
      cpSync(agent.state, join(directory, name), { recursive: true });
      return agentAt(join(directory, name));
    },
    async running(name) {
      let seen = '';
      const look = async () => {
        seen = ((await json('instances', 'show', name)) as { agent: { state: string } }).agent.state;
        return seen === 'running';
      };
      await until(look, { what: () => `${name} to be running; it is ${seen}`, deadlineMs: DEADLINE_MS });
    },
    async [Symbol.asyncDispose]() {
      await processes.endAll();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function createAgentProcess(processes: Processes, state: string, policy: string): AgentProcess {
  let running: Running | null = null;
  const verb = (...words: string[]) => processes.run('latchkey-agent', [...words, '--state', state]);
  return {
    state,
    verb,
    async status() {
      const { out } = await verb('status', '--json');
      return JSON.parse(out) as Awaited<ReturnType<AgentProcess['status']>>;
    },
    start() {
      running = processes.start('latchkey-agent', ['run', '--state', state, '--policy', policy]);
    },
    async stop() {
      await running?.end('SIGTERM');
    },
  };
}

interface Running {
  said(): string;
  ended(): boolean;
  signal(signal: NodeJS.Signals): void;
  end(signal: NodeJS.Signals): Promise<void>;
}
type Processes = ReturnType<typeof createProcesses>;

function createProcesses() {
  const all = new Set<Running>();
  const spawned = (name: string, words: readonly string[], env: NodeJS.ProcessEnv) =>
    spawn(program(name), words, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } });
  return {
    start(name: string, words: readonly string[]): Running {
      const child = spawned(name, words, {});
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)));
      const ended = () => child.exitCode !== null || child.signalCode !== null;
      const running: Running = {
        said: () => said,
        ended,
        signal: (signal) => child.kill(signal),
        async end(signal) {
          if (ended()) return;
          const gone = once(child, 'exit');
          child.kill(signal);
          await gone;
        },
      };
      all.add(running);
      return running;
    },
    async run(name: string, words: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Ended> {
      const child = spawned(name, words, env);
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
      child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
      child.stdin.on('error', () => undefined); // It may have ended before it read.
      child.stdin.end(input);
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, out, err };
    },
    async endAll() {
      for (const running of all) await running.end('SIGKILL');
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : fail('no port');
}

function fail(why: string): never {
  throw new Error(why);
}
