import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { makeDisk } from './disk.ts';
import type { Fabric } from './fabric.ts';
import { createMachine, INIT_SIGNAL } from './machine.ts';
import { placeEnvironment, type Account, type Place } from './place.ts';
import { ensureRootfs, type Suite } from './rootfs.ts';
import { mustRun, run, type Argv, type RunOptions, type RunResult } from './run.ts';
import { until } from './until.ts';

const BOOT_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 60_000;

/** The checkout on this machine, and where hosts see it, read-only. */
export const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
export const CHECKOUT_IN_HOST = '/opt/latchkey';
/** The pinned Node inside a host. */
export const NODE_IN_HOST = `${CHECKOUT_IN_HOST}/node_modules/.bin/node`;

export interface HostOptions {
  /** Its hostname, unique in the fabric: lower case letters, digits, dashes; at most 40. */
  readonly name: string;
  readonly suite?: Suite;
  readonly accounts?: readonly Account[];
  /** Debian packages beside those that every host has; each set of them costs a root file system, made once. */
  readonly packages?: readonly string[];
  /** What its disk can hold beside the shared root file system; as much as the machine's memory when absent. */
  readonly diskMebibytes?: number;
  /** Directories of this machine to show inside, beside the checkout. */
  readonly bind?: readonly { readonly from: string; readonly to: string; readonly readOnly?: boolean }[];
}

/** A Debian machine with real systemd, PAM, ssh and accounts. Its disk lasts until it is disposed of. */
export interface Host extends Place, AsyncDisposable {
  readonly fabric: Fabric;
  readonly power: 'running' | 'stopped';
  /** How often it has been started. */
  readonly boots: number;
  /** Its address in the fabric; throws before the first boot has got one. */
  readonly ip: string;
  /** While it runs, a command inside all of its namespaces; while it is stopped, one in its disk alone (chroot). */
  exec(argv: Argv, options?: RunOptions): Promise<RunResult>;
  /** Like `exec`; a code other than 0 throws. Resolves to standard output. */
  must(argv: Argv, options?: RunOptions): Promise<string>;
  readFile(path: string): Promise<string>;
  /** Writes a file, with the directories above it. `mode` is octal, `0644` when absent. */
  writeFile(path: string, content: string | Uint8Array, mode?: string): Promise<void>;
  /** Switches it on; does not wait. */
  start(): Promise<void>;
  /** Resolves when all services are up and it has an address. */
  waitForBoot(): Promise<void>;
  /** Does what makes it start anew (a reboot from inside, say) and waits until that boot is done. */
  nextBoot(cause: () => unknown): Promise<void>;
  /** An orderly reboot, asked of its init; resolves when it is up again. */
  reboot(): Promise<void>;
  /** An orderly shutdown. */
  stop(): Promise<void>;
  /** A power cut. */
  kill(): Promise<void>;
  /** Stops a process of the host (by pid) or all of a unit (by name) where it stands, until {@link thaw}. */
  freeze(target: number | string): Promise<void>;
  thaw(target: number | string): Promise<void>;
  /** Its journal over all boots, or that of one unit. */
  journal(unit?: string): Promise<string>;
  /** What it has written to its console. */
  readonly console: string;
}

/** Makes a host and waits until it is up. */
export async function bootHost(fabric: Fabric, options: HostOptions): Promise<Host> {
  const host = await createHost(fabric, options);
  try {
    await host.start();
    await host.waitForBoot();
    return host;
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

/** Makes a host that has never been switched on: its disk can be prepared with `exec` and `writeFile`. */
export async function createHost(fabric: Fabric, options: HostOptions): Promise<Host> {
  const { name, accounts = [], bind = [], diskMebibytes } = options;
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) throw new Error(`not a name for a host: ${name}`);
  const rootfs = await ensureRootfs(options.suite, options.packages);
  const disk = await makeDisk(fabric.internals, { name, rootfs, accounts, diskMebibytes });
  const machine = createMachine(fabric.internals, {
    name,
    root: disk.root,
    uuid: randomBytes(16).toString('hex'),
    bind: [{ from: CHECKOUT, to: CHECKOUT_IN_HOST, readOnly: true }, ...bind],
  });
  let address: string | undefined;

  const entry = (): Argv => {
    const init = machine.initNow();
    if (init === undefined) throw new Error(`${name} is not running`);
    return ['nsenter', '--target', String(init), '--all', '--root', '--wd', '--', ...JOIN_GROUP];
  };

  const host: Host = {
    name,
    fabric,
    get power() {
      return machine.running ? 'running' : 'stopped';
    },
    get boots() {
      return machine.boots;
    },
    get console() {
      return machine.console;
    },
    get ip() {
      if (address === undefined) throw new Error(`${name} has no address yet`);
      return address;
    },
    entry,
    async exec(argv, more = {}) {
      if (!machine.running) return disk.exec(argv, more);
      await machine.init();
      return run([...entry(), ...argv], { ...more, env: placeEnvironment(more.env) });
    },
    async must(argv, more) {
      const { code, stdout, stderr } = await host.exec(argv, more);
      if (code !== 0) throw new Error(`${argv[0]} ended with ${String(code)} on ${name}: ${stdout}${stderr}`);
      return stdout;
    },
    readFile: (path) => host.must(['cat', '--', path]),
    async writeFile(path, content, mode = '0644') {
      const script = 'mkdir -p "$2" && cat > "$1" && chmod "$3" "$1"';
      await host.must(['sh', '-c', script, 'sh', path, dirname(path), mode], { input: content });
    },
    async start() {
      machine.start();
      await machine.init();
    },
    async waitForBoot() {
      let state = '';
      await until(
        async () => {
          const init = await machine.init();
          const systemd = await host.exec(['systemctl', 'is-system-running']);
          state = (systemd.stdout + systemd.stderr).trim();
          if (!['running', 'degraded'].includes(state)) return false;
          address = await addressOf(init);
          return address !== undefined;
        },
        {
          what: () => `${name} to boot (${state}); its console says: ${machine.console}`,
          deadlineMs: BOOT_DEADLINE_MS,
        },
      );
    },
    async nextBoot(cause) {
      const before = machine.boots;
      await cause();
      await until(() => machine.boots > before, { what: `${name} to start anew`, deadlineMs: STOP_DEADLINE_MS });
      await host.waitForBoot();
    },
    reboot: () => host.nextBoot(async () => process.kill(await machine.init(), INIT_SIGNAL.reboot)),
    async stop() {
      if (!machine.running) return;
      process.kill(await machine.init(), INIT_SIGNAL.poweroff);
      await until(() => !machine.running, {
        what: () => `${name} to shut down; its console says: ${machine.console}`,
        deadlineMs: STOP_DEADLINE_MS,
      });
    },
    kill: () => machine.kill(),
    freeze: (target) => signal('STOP', target),
    thaw: (target) => signal('CONT', target),
    async journal(unit) {
      const filter = unit === undefined ? [] : ['--unit', unit];
      return host.must(['journalctl', '--no-pager', '--output=short-precise', '--merge', ...filter]);
    },
    async [Symbol.asyncDispose]() {
      await machine.kill();
      await disk.remove();
    },
  };

  async function signal(which: 'STOP' | 'CONT', target: number | string): Promise<void> {
    await host.must(
      typeof target === 'number'
        ? ['kill', '-s', which, String(target)]
        : ['systemctl', 'kill', `--signal=${which}`, target],
    );
  }

  return host;
}

/** Into the control group of the guest's init: outside of it, logind and the journal would not know the process. */
const JOIN_GROUP = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'sh',
  '-c',
  'echo $$ 2> /dev/null > /sys/fs/cgroup/init.scope/cgroup.procs; exec "$@"',
  'sh',
] as const;

async function addressOf(init: number): Promise<string | undefined> {
  const { stdout } = await mustRun([
    'nsenter',
    `--net=/proc/${String(init)}/ns/net`,
    '--',
    'ip',
    '-4',
    '-o',
    'address',
    'show',
    'dev',
    'host0',
  ]);
  return /inet ([0-9.]+)/.exec(stdout)?.[1];
}
