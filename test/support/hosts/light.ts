import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Fabric } from './fabric.ts';
import { CHECKOUT } from './host.ts';
import { ownedName } from './owner.ts';
import { addAccounts, placeEnvironment, type Account, type Place } from './place.ts';
import { killIfThere } from './process-table.ts';
import { killGroup, run, type Argv, type RunOptions, type RunResult } from './run.ts';
import { until } from './until.ts';

const START_DEADLINE_MS = 20_000;

export interface LightHostOptions {
  /** Its host name: lower case letters, digits, dashes. */
  readonly name: string;
  readonly accounts?: readonly Account[];
  /** Whose network it uses; the machine's when absent. Dispose of the host first. */
  readonly fabric?: Fabric;
}

/**
 * A host without a boot: this machine once more, with a private layer over its files. chpasswd, PAM and su are the
 * machine's own, the accounts are the host's alone. No systemd, no ssh, and no network of its own.
 */
export interface LightHost extends Place, AsyncDisposable {
  /** The init of its process namespace, as the machine sees it. */
  readonly pid: number;
  exec(argv: Argv, options?: RunOptions): Promise<RunResult>;
  /** Kills everything that runs in it at once. It cannot be started again. */
  kill(): Promise<void>;
}

/** Makes a light host, in some 50 ms. */
export async function createLightHost(options: LightHostOptions): Promise<LightHost> {
  const { name, accounts = [] } = options;
  const directory = join(tmpdir(), ownedName());
  await mkdir(directory, { mode: 0o700 });
  const sandbox = join(CHECKOUT, 'scripts/throwaway-instance');
  // Its init waits for the end of our pipe: it comes when we close it, and when we die.
  const network = options.fabric?.internals.network ?? [];
  const command = [sandbox, name, directory, 'sh', '-c', 'exec cat > /dev/null'];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...network, ...command], {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve();
    }),
  );

  let init: number | undefined;
  const kill = async (): Promise<void> => {
    // The init itself, so that its parent reaps it: killed with its parent, it would linger as somebody's zombie.
    if (init !== undefined && child.exitCode === null && child.signalCode === null) killIfThere(init);
    else killGroup(child.pid);
    await ended;
  };
  const dispose = async (): Promise<void> => {
    await kill();
    await rm(directory, { recursive: true, force: true });
  };

  try {
    const ready = join(directory, 'pid');
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`${name} did not start: ${said}`);
        return existsSync(ready);
      },
      { what: () => `${name} to start: ${said}`, deadlineMs: START_DEADLINE_MS, everyMs: 10 },
    );
    const pid = (init = Number(readFileSync(ready, 'utf8')));
    const entry = (): Argv => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} is not running`);
      return ['nsenter', '--target', String(pid), '--mount', '--pid', '--uts', '--ipc', '--root', '--wd', '--'];
    };
    const host: LightHost = {
      name,
      pid,
      entry,
      exec: (command, more = {}) => run([...entry(), ...command], { ...more, env: placeEnvironment(more.env) }),
      kill,
      [Symbol.asyncDispose]: dispose,
    };
    await addAccounts((command, more) => host.exec(command, more), accounts);
    return host;
  } catch (error) {
    await dispose();
    throw error;
  }
}
