import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFabric, type Fabric, type FabricProcess } from '../support/hosts/fabric.ts';
import { CHECKOUT_IN_HOST, bootHost, type Host, type HostOptions } from '../support/hosts/host.ts';
import type { RunResult } from '../support/hosts/run.ts';
import { until } from '../support/hosts/until.ts';

const LATCHKEY = fileURLToPath(new URL('../../scripts/latchkey', import.meta.url));
const PORT = 8443;
const UNIT = 'latchkey-agent.service';

/** What `latchkey reset --json` prints. */
export interface ResetReport {
  readonly id: string;
  readonly mode: string;
  readonly account: string | null;
  readonly tasks: readonly {
    readonly instance: string;
    readonly state: string;
    readonly code: string | null;
    readonly message: string | null;
    readonly verifiedBy: string | null;
    readonly warnings: readonly string[];
    readonly appliedMs: number | null;
    readonly verifiedMs: number | null;
    readonly password?: string;
  }[];
}

/** A control plane and hosts on a network of their own, driven the way an operator drives them. */
export interface World extends AsyncDisposable {
  readonly fabric: Fabric;
  readonly url: string;
  /** Holds `data/`, `keys/` and what the operator's own files are. */
  readonly directory: string;
  readonly controlPlane: ControlPlane;
  /** Boots a host and enrols it as a user would: a join token, `latchkey-agent enroll`, the systemd unit. */
  host(options: HostOptions): Promise<Host>;
  /** Enrols and starts the agent on a host that is up. */
  install(host: Host): Promise<void>;
  /** The operator's command line. `input` goes to its standard input. */
  latchkey(args: readonly string[], input?: string): Promise<RunResult>;
  /** Like it, but its answer is JSON. */
  json(args: readonly string[], input?: string): Promise<unknown>;
  /** `latchkey reset … --password-stdin --json`: what came of it, and the exit code. */
  reset(
    args: readonly string[],
    password: string,
    as?: { readonly token: string },
  ): Promise<{ code: number; report: ResetReport; stderr: string }>;
  /** Resolves when the instance is in that state. */
  state(name: string, state: string): Promise<void>;
}

export interface ControlPlane {
  readonly pid: number;
  /** Everything that it has printed since the world began. */
  readonly log: string;
  start(): Promise<void>;
  /** Resolves when it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** A certificate for an address, PEM, and the authority behind it. */
export interface WorldCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly authorityPem: string;
}

/** @param certificate - what the control plane is given; without one it makes an authority of its own */
export async function openWorld(certificate?: (address: string) => WorldCertificate): Promise<World> {
  const fabric = await createFabric();
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-world-'));
  const given = certificate === undefined ? [] : await writeCertificate(directory, certificate(fabric.address));
  const url = `https://${fabric.address}:${String(PORT)}`;
  const hosts: Host[] = [];
  const controlPlane = createControlPlane({ fabric, directory, url, given });
  let token = '';

  async function latchkey(args: readonly string[], input = '', as = { token }): Promise<RunResult> {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      LATCHKEY_URL: url,
      LATCHKEY_TOKEN: as.token,
      LATCHKEY_CA: join(directory, given.length === 0 ? 'keys/ca.crt' : 'given-ca.crt'),
    };
    return fabric.exec([LATCHKEY, ...args], { input, env, timeoutMs: 120_000 });
  }

  async function json(args: readonly string[], input?: string): Promise<unknown> {
    const { code, stdout, stderr } = await latchkey([...args, '--json'], input);
    if (code !== 0) throw new Error(`latchkey ${args.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  async function state(name: string, wanted: string): Promise<void> {
    let seen = '';
    await until(
      async () => {
        const instance = (await json(['instances', 'show', name])) as { agent: { state: string } };
        seen = instance.agent.state;
        return seen === wanted;
      },
      { what: () => `${name} to be ${wanted}; it is ${seen}`, deadlineMs: 60_000 },
    );
  }

  async function install(host: Host): Promise<void> {
    const created = (await json(['tokens', 'create', '--type', 'join'])) as { token: string };
    const agent = `${CHECKOUT_IN_HOST}/scripts/latchkey-agent`;
    await host.must([agent, 'enroll', '--url', url, '--name', host.name], { input: `${created.token}\n` });
    const unit = await readFile(new URL('../../agent/systemd/latchkey-agent.service', import.meta.url), 'utf8');
    await host.writeFile(`/etc/systemd/system/${UNIT}`, unit.replace(/^ExecStart=\S+/m, `ExecStart=${agent}`));
    await host.must(['systemctl', 'enable', '--now', UNIT]);
    await state(host.name, 'running');
  }

  await controlPlane.start();
  token = (await readFile(join(directory, 'keys', 'administrator-token'), 'utf8')).trim();
  const statement = (await json(['service', 'statement'])) as { version: number };
  await json(['service', 'enable', '--project', 'default', '--accept-version', String(statement.version)]);

  return {
    fabric,
    url,
    directory,
    controlPlane,
    latchkey,
    json,
    state,
    install,
    async host(options) {
      const host = await bootHost(fabric, options);
      hosts.push(host);
      await install(host);
      return host;
    },
    async reset(args, password, as) {
      const command = ['reset', ...args, '--password-stdin', '--json'];
      const { code, stdout, stderr } = await latchkey(command, `${password}\n`, as);
      return { code, stderr, report: JSON.parse(stdout) as ResetReport };
    },
    async [Symbol.asyncDispose]() {
      for (const host of hosts) await host[Symbol.asyncDispose]();
      await controlPlane.kill('SIGKILL');
      await fabric[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** As flags for the server. */
async function writeCertificate(directory: string, given: WorldCertificate): Promise<readonly string[]> {
  const [cert, key] = [join(directory, 'given.crt'), join(directory, 'given.key')];
  await writeFile(join(directory, 'given-ca.crt'), given.authorityPem);
  await writeFile(cert, given.certificatePem);
  await writeFile(key, given.keyPem, { mode: 0o600 });
  return ['--tls-cert', cert, '--tls-key', key];
}

function createControlPlane(world: {
  readonly fabric: Fabric;
  readonly directory: string;
  readonly url: string;
  readonly given: readonly string[];
}): ControlPlane {
  const { fabric, directory, url, given } = world;
  let running: FabricProcess | null = null;
  let log = '';
  return {
    get pid() {
      if (running?.pid === undefined) throw new Error('the control plane does not run');
      return running.pid;
    },
    get log() {
      return log;
    },
    async start() {
      const listen = `${fabric.address}:${String(PORT)}`;
      const directories = ['--data', join(directory, 'data'), '--keys', join(directory, 'keys')];
      running = fabric.spawn(LATCHKEY, ['server', '--listen', listen, '--public-url', url, ...directories, ...given]);
      const gather = (chunk: Buffer): void => {
        log += chunk.toString('utf8');
      };
      running.stdout.on('data', gather);
      running.stderr.on('data', gather);
      await until(
        async () => {
          if (running?.exitCode !== null) throw new Error(`the control plane ended: ${log}`);
          const probe = ['curl', '--silent', '--insecure', '--fail', `${url}/readyz`] as const;
          return (await fabric.exec(probe)).code === 0;
        },
        { what: () => `the control plane to be ready: ${log}`, deadlineMs: 30_000 },
      );
    },
    async kill(signal) {
      const child = running;
      if (child?.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    },
  };
}

/** A password that meets the rules, different every time. */
export function newPassword(): string {
  return `Aa1!${randomBytes(8).toString('hex')}`;
}
