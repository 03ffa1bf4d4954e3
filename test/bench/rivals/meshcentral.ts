import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';

import { CHECKOUT } from '../../support/hosts/host.ts';
import type { LightHost } from '../../support/hosts/light.ts';
import { PLACE_ENVIRONMENT } from '../../support/hosts/place.ts';
import { run } from '../../support/hosts/run.ts';
import { until } from '../../support/hosts/until.ts';
import { freePort } from '../control-plane.ts';
import { onlyChild } from '../real-agent.ts';
import { openControl, type Control } from './meshcentral-control.ts';
import { settingsFor } from './meshcentral-settings.ts';

const VERSION = '1.1.55';
/** Not among the dependencies of this project: npm fetches it when a bench first wants it. */
const HOME = join(CHECKOUT, `.cache/bench/meshcentral-${VERSION}`);
const PROGRAM = join(HOME, 'node_modules/meshcentral');
const AGENT_FILE = join(PROGRAM, 'agents/meshagent_x86-64');
const INSTALL_MS_MAX = 300_000;
const START_MS_MAX = 180_000;
const CONNECT_MS_MAX = 120_000;
const USER = 'bench';

export interface MeshCentral extends AsyncDisposable {
  readonly version: string;
  readonly control: Control;
  /** The agent's program, as it is downloaded. */
  readonly agentFile: string;
  /** Starts its agent on a host, as root; ends with the host. Resolves when the server shows it as connected. */
  startAgent(host: LightHost): Promise<MeshAgent>;
}

export interface MeshAgent {
  readonly pid: number;
  readonly nodeId: string;
}

/** The server with its own settings, apart from names and ports, and one group of devices. */
export async function startMeshCentral(directory: string): Promise<MeshCentral> {
  await install();
  const data = join(directory, 'meshcentral-data');
  await mkdir(data, { recursive: true, mode: 0o700 });
  const port = await freePort();
  const settings = { cert: '127.0.0.1', port, redirPort: 0, mpsPort: 0, WANonly: true, selfUpdate: false };
  await writeFile(join(data, 'config.json'), JSON.stringify({ settings, domains: { '': { newAccounts: false } } }));
  const places = ['--datapath', data, '--filespath', join(directory, 'files')];
  const password = randomBytes(16).toString('base64url');
  // The one way it has to make an account; the account goes with the directory.
  await verb([...places, '--createaccount', USER, '--pass', password]);
  await verb([...places, '--adminaccount', USER]);

  await using stack = new AsyncDisposableStack();
  const command = ['--pdeathsig', 'KILL', '--', execPath, PROGRAM, ...places];
  const child = spawn('setpriv', command, {
    env: PLACE_ENVIRONMENT,
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  stack.defer(async () => {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended;
  });
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`MeshCentral ended: ${log.slice(-500)}`);
      return log.includes('HTTPS server running');
    },
    { what: () => `MeshCentral: ${log.slice(-500)}`, deadlineMs: START_MS_MAX, everyMs: 200 },
  );
  const ca = await readFile(join(data, 'root-cert-public.crt'), 'utf8');
  const control = stack.use(await openControl({ port, ca, user: USER, password }));
  const group = await control.createGroup('bench');
  const agentSettings = await settingsFor({ port, ca, group });
  const parts = stack.move();
  return {
    version: VERSION,
    control,
    agentFile: AGENT_FILE,
    startAgent: (host) => startAgent(host, control, agentSettings),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function install(): Promise<void> {
  if (existsSync(join(HOME, 'installed'))) return;
  console.error(`bench: npm fetches meshcentral ${VERSION} into ${HOME}`);
  await mkdir(HOME, { recursive: true });
  const npm = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', HOME] as const;
  const { code, stderr } = await run(['npm', ...npm, `meshcentral@${VERSION}`], {
    timeoutMs: INSTALL_MS_MAX,
    cwd: HOME,
  });
  if (code !== 0) throw new Error(`npm cannot install meshcentral: ${stderr.trimEnd().split('\n').at(-1) ?? ''}`);
  await writeFile(join(HOME, 'installed'), '');
}

async function verb(args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run([execPath, PROGRAM, ...args], { timeoutMs: START_MS_MAX, cwd: HOME });
  if (code !== 0 || !stdout.includes('Done')) throw new Error(`MeshCentral makes no account: ${stdout}${stderr}`);
}

async function startAgent(host: LightHost, control: Control, settings: string): Promise<MeshAgent> {
  // Its identity lies beside the program, so each has a directory of its own, on the host's own layer.
  const home = '/var/lib/meshagent';
  const prepared = await host.exec(['sh', '-c', `mkdir -p ${home} && cat > ${home}/meshagent.msh`], {
    input: settings,
  });
  const copied = await host.exec(['install', '-m', '700', AGENT_FILE, `${home}/meshagent`]);
  if (prepared.code !== 0 || copied.code !== 0) throw new Error(`no MeshAgent on ${host.name}: ${copied.stderr}`);
  const [nsenter, ...entry] = host.entry();
  const child = spawn(nsenter, [...entry, 'sh', '-c', `cd ${home} && exec ./meshagent connect`], {
    env: PLACE_ENVIRONMENT,
    stdio: 'ignore',
  });
  const nodeId = await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`MeshAgent on ${host.name} ended with ${child.exitCode}`);
      return (await control.nodes()).find(({ name, connected }) => name === host.name && connected)?.id;
    },
    { what: `MeshAgent on ${host.name}`, deadlineMs: CONNECT_MS_MAX, everyMs: 500 },
  );
  return { pid: onlyChild(child).pid, nodeId };
}
