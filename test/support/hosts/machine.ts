import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

import type { FabricInternals } from './fabric.ts';
import { descendants, killIfThere } from './process-table.ts';
import { killGroup, run } from './run.ts';
import { until } from './until.ts';

/** What systemd-nspawn ends with when the guest asked for a reboot, and leaves the starting again to us. */
const CODE_REBOOT = 133;
const CONSOLE_CHARS_MAX = 200_000;
const INIT_DEADLINE_MS = 60_000;

/** Signals systemd's init takes, counted from the first real-time signal (34 with glibc); systemd(1). */
export const INIT_SIGNAL = { poweroff: 34 + 4, reboot: 34 + 5 } as const;

export interface MachineOptions {
  readonly name: string;
  readonly root: string;
  /** 32 hexadecimal digits. */
  readonly uuid: string;
  readonly bind: readonly { readonly from: string; readonly to: string; readonly readOnly?: boolean }[];
}

/** The power switch of a host: a systemd-nspawn that is started again for as long as the guest asks for reboots. */
export interface Machine {
  readonly running: boolean;
  /** How often it has been started: 0 before the first time. */
  readonly boots: number;
  /** All that the guest has written to its console. */
  readonly console: string;
  start(): void;
  /** The guest's init as the machine sees it; waits until there is one. */
  init(): Promise<number>;
  /** The same at once; `undefined` while there is none. */
  initNow(): number | undefined;
  /** Resolves when it does not run any more. */
  ended(): Promise<void>;
  /** Pulls the plug. */
  kill(): Promise<void>;
}

/** Makes a machine, switched off. */
export function createMachine(fabric: FabricInternals, options: MachineOptions): Machine {
  const group = `${fabric.group}/${options.name}`;
  const argv = [
    'systemd-nspawn',
    '--quiet',
    '--register=no',
    '--keep-unit',
    '--kill-signal=SIGRTMIN+3',
    `--directory=${options.root}`,
    `--machine=${options.name}`,
    `--uuid=${options.uuid}`,
    '--network-bridge=br0',
    '--console=pipe',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    ...options.bind.map(({ from, to, readOnly }) => `--bind${readOnly === true ? '-ro' : ''}=${from}:${to}`),
    '--boot',
  ];
  // Each host has a control group of its own: in a shared one, the systemds would take each other's for theirs.
  const enterGroup = 'mkdir -p "$1" && echo $$ > "$1/cgroup.procs" && shift && exec "$@"';

  let console = '';
  let boots = 0;
  let pulled = false;
  /** How systemd-nspawn ended the last time. */
  let exit = 'nothing';
  let leader: number | undefined;
  let current: { readonly pid: number | undefined; readonly ended: Promise<void> } | undefined;

  const boot = (): void => {
    const child = spawn(fabric.enter[0], [...fabric.enter.slice(1), 'sh', '-c', enterGroup, 'sh', group, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    boots += 1;
    leader = undefined;
    const hear = (chunk: Buffer): void => {
      console = (console + chunk.toString()).slice(-CONSOLE_CHARS_MAX);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const ended = new Promise<void>((resolve) => {
      child.once('close', (code, signal) => {
        exit = signal ?? `code ${String(code)}`;
        if (code === CODE_REBOOT && !pulled) boot();
        else current = leader = undefined;
        resolve();
      });
    });
    current = { pid: child.pid, ended };
  };

  const initNow = (): number | undefined => {
    if (current?.pid === undefined) return undefined;
    leader ??= descendants(current.pid).find(
      (entry) => entry.innerPid === 1 && entry.depth > 2 && hasBecomeInit(entry.pid),
    )?.pid;
    return leader;
  };

  const ended = async (): Promise<void> => {
    while (current !== undefined) await current.ended;
  };

  return {
    get running() {
      return current !== undefined;
    },
    get boots() {
      return boots;
    },
    get console() {
      return console;
    },
    start() {
      if (current !== undefined) throw new Error(`${options.name} runs already`);
      pulled = false;
      boot();
    },
    initNow,
    init: () =>
      until(
        () => {
          if (current === undefined) {
            throw new Error(`${options.name} ended with ${exit} and does not run; its console says: ${console}`);
          }
          return initNow();
        },
        { what: () => `the init of ${options.name}; its console says: ${console}`, deadlineMs: INIT_DEADLINE_MS },
      ),
    ended,
    async kill() {
      pulled = true;
      if (current === undefined) return;
      const init = initNow();
      if (init !== undefined) {
        // Its init takes the guest along, and systemd-nspawn then clears its link away and ends by itself.
        killIfThere(init);
      } else {
        // Still setting up: what there is of systemd-nspawn is all there is, and it clears nothing away.
        for (const entry of descendants(current.pid ?? -1)) killIfThere(entry.pid);
        killGroup(current.pid);
      }
      await ended();
      // Deleted by us when systemd-nspawn could not: the kernel does it too, but later, and a new start would meet it.
      if (init === undefined) await run([...fabric.enter, 'ip', 'link', 'delete', 'dev', `vb-${options.name}`]);
    },
  };
}

/** Before it becomes systemd it is a systemd-nspawn that is still setting up the namespaces: nothing to enter yet. */
function hasBecomeInit(pid: number): boolean {
  try {
    return readFileSync(`/proc/${String(pid)}/comm`, 'utf8').trim() === 'systemd';
  } catch {
    return false;
  }
}
