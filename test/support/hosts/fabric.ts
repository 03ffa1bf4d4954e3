import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { controlGroups, removeControlGroup } from './cgroup.ts';
import { isAbandoned, ownedName } from './owner.ts';
import { descendants, killIfThere } from './process-table.ts';
import { requireHosts } from './requirements.ts';
import { killGroup, run, type Argv, type RunOptions, type RunResult } from './run.ts';
import { until } from './until.ts';

/** Where a control plane listens for the hosts of its fabric. */
export const FABRIC_ADDRESS = '10.77.0.1';

const START_DEADLINE_MS = 20_000;
const RELAY = fileURLToPath(new URL('relay.ts', import.meta.url));

/** The kernel kills it when the process that started it dies; and an init's death takes all of its namespace with it. */
const DIE_WITH_US = ['--pdeathsig', 'KILL'] as const;
const KEEPER_COMMAND = [
  ...DIE_WITH_US,
  ...[
    'unshare',
    '--mount',
    '--net',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
    '--propagation',
    'private',
  ],
  ...['sh', fileURLToPath(new URL('keeper.sh', import.meta.url))],
] as const;

/** How a program is started inside a fabric. */
export interface FabricSpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export type FabricProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** A port of the fabric, made reachable for the test process. */
export interface Reach extends AsyncDisposable {
  /** On 127.0.0.1 of the machine. */
  readonly port: number;
}

/** What hosts need of a fabric beyond what tests use. */
export interface FabricInternals {
  /** Leads a command into the fabric's mount, network and process namespaces. */
  readonly enter: Argv;
  /** Leads a command into the fabric's network alone. */
  readonly network: Argv;
  /** Its control group, as seen inside. */
  readonly group: string;
  /** False once it has been disposed of, and all in it with it. */
  readonly alive: boolean;
}

/**
 * A network of its own, with DHCP, that hosts join; it exists as long as the test process at most, and leaves nothing.
 * Programs run by {@link spawn} and {@link exec} have the machine's files and processes, and the fabric's network: a
 * server that listens on {@link FABRIC_ADDRESS} is reached by every host and by every program run here.
 */
export interface Fabric extends AsyncDisposable {
  readonly name: string;
  readonly address: typeof FABRIC_ADDRESS;
  /** Starts a program; it is killed, with its family, when the fabric is disposed of or the test process dies. */
  spawn(program: string, args: readonly string[], options?: FabricSpawnOptions): FabricProcess;
  /** Runs a command to its end. */
  exec(argv: Argv, options?: RunOptions): Promise<RunResult>;
  /** Opens a port on 127.0.0.1 that leads to `port` of {@link FABRIC_ADDRESS}, for clients inside the test process. */
  reach(port: number): Promise<Reach>;
  readonly internals: FabricInternals;
}

/** Makes a fabric, after cleaning up what killed runs have left. Throws with a remedy where hosts cannot be had. */
export async function createFabric(): Promise<Fabric> {
  requireHosts();
  await sweepAbandoned();
  const name = ownedName();
  const keeper = spawn('setpriv', [...KEEPER_COMMAND, name, FABRIC_ADDRESS], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  let group = '';
  keeper.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));
  keeper.stdout.on('data', (chunk: Buffer) => (group += chunk.toString()));
  const ended = new Promise<void>((resolve) =>
    keeper.once('close', () => {
      resolve();
    }),
  );

  try {
    const init = await until(
      () => {
        if (keeper.exitCode !== null) throw new Error(`the fabric did not start: ${said}`);
        const pid = keeper.pid;
        return pid !== undefined && group.endsWith('\n') && descendants(pid).find((entry) => entry.innerPid === 1)?.pid;
      },
      { what: () => `the fabric to start: ${said}`, deadlineMs: START_DEADLINE_MS },
    );
    return assemble(name, init, group.trim(), async () => {
      // The init itself, so that its parent reaps it: killed with its parent, it would linger as somebody's zombie.
      killIfThere(init);
      await ended;
      await removeControlGroup(name);
    });
  } catch (error) {
    killGroup(keeper.pid);
    await ended;
    await removeControlGroup(name);
    throw error;
  }
}

/** Removes what runs whose process is dead could not. */
export async function sweepAbandoned(): Promise<void> {
  const groups = (await controlGroups()).filter(isAbandoned);
  await Promise.all(groups.map((group) => removeControlGroup(group)));
  const files = readdirSync(tmpdir()).filter(isAbandoned);
  await Promise.all(files.map((file) => rm(join(tmpdir(), file), { recursive: true, force: true })));
}

function assemble(name: string, init: number, group: string, end: () => Promise<void>): Fabric {
  const network = ['nsenter', `--net=/proc/${String(init)}/ns/net`, '--'] as const;
  let alive = true;
  const children = new Set<ChildProcess>();
  const open = new Set<Reach>();

  const start = <T extends ChildProcess>(child: T): T => {
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };

  return {
    name,
    address: FABRIC_ADDRESS,
    internals: {
      enter: ['nsenter', '--target', String(init), '--mount', '--net', '--pid', '--'],
      network,
      group,
      get alive() {
        return alive;
      },
    },
    spawn(program, args, options = {}) {
      return start(
        spawn('setpriv', [...DIE_WITH_US, ...network, program, ...args], {
          cwd: options.cwd,
          env: options.env ?? process.env,
          stdio: ['pipe', 'pipe', 'pipe'],
          detached: true,
        }),
      );
    },
    exec: (argv, options) => run(['setpriv', ...DIE_WITH_US, ...network, ...argv], options),
    async reach(port) {
      const reach = await openReach(port, (program, args) =>
        start(
          spawn('setpriv', [...DIE_WITH_US, ...network, program, ...args], {
            stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
            detached: true,
          }),
        ),
      );
      open.add(reach);
      return reach;
    },
    async [Symbol.asyncDispose]() {
      if (!alive) return;
      alive = false;
      await Promise.all([...open].map((reach) => reach[Symbol.asyncDispose]()));
      const gone = [...children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
      for (const child of children) killGroup(child.pid);
      await Promise.all(gone);
      await end();
    },
  };
}

async function openReach(
  port: number,
  startRelay: (program: string, args: readonly string[]) => ChildProcess,
): Promise<Reach> {
  const relay = startRelay(process.execPath, [RELAY]);
  // Paused, so that what the client sends at once is read by the relay and not lost with our end.
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => undefined);
    relay.send({ host: FABRIC_ADDRESS, port }, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      killGroup(relay.pid);
      // Not awaited: connections that were handed to the relay count as open for as long as it does not say otherwise.
      server.close();
    },
  };
}
