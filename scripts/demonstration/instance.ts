import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Cleanup } from './cleanup.ts';
import { StepFailure } from './failure.ts';
import { CHECKOUT, PLAIN_ENVIRONMENT, program } from './places.ts';
import { mustRun, run, signalIfThere, startDaemon, until, type Argv, type Daemon, type Finished } from './processes.ts';

const START_DEADLINE_MS = 20_000;
const KILLED_GRACE_MS = 5_000;
const UNAVAILABLE = 69;
/** `throwaway-instance` ends with these when the machine cannot have instances; so does the demonstration. */
const MACHINE_REFUSES: readonly number[] = [UNAVAILABLE, 77];
/** What every instance will need: to see the checkout, to read what is secret, to give a file to somebody else. */
const PROBE = `
  test -x "$1" || exit 3
  for file in /etc/shadow /etc/gshadow; do [ ! -e "$file" ] || cat "$file" > /dev/null || exit 4; done
  : > /etc/latchkey-probe && chown 1:1 /etc/latchkey-probe`;
const NOT_SEEN = 3;

/** A private copy of this machine, in which accounts can be made and passwords set that the machine never knows. */
export interface Instance {
  readonly name: string;
  readonly daemon: Daemon;
  /** What leads a command, as root, into the instance. */
  readonly entry: Argv;
  /** Runs a command in there as root; a code other than 0 is a result. */
  run(argv: Argv, input?: string): Promise<Finished>;
  /** Like it, but a code other than 0 is an error. */
  mustRun(argv: Argv, input?: string): Promise<Finished>;
  /** Starts the agent, which lives as long as the instance. */
  startAgent(): Daemon;
}

export interface InstanceOptions {
  readonly name: string;
  /** Where it may put its files; removed by the caller. */
  readonly directory: string;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

/** Throws when this machine cannot have instances, with the reason and what to do. */
export async function tryNamespaces(directory: string, signal: AbortSignal): Promise<void> {
  const argv: Argv = [
    program('throwaway-instance'),
    'probe',
    join(directory, 'probe'),
    'sh',
    '-c',
    PROBE,
    'sh',
    CHECKOUT,
  ];
  const { code, said } = await run(argv, { env: PLAIN_ENVIRONMENT, signal });
  if (code === 0) return;
  if (code === NOT_SEEN)
    throw new StepFailure(`${CHECKOUT} cannot be seen in an instance. Clone it to another file system, /usr/src say.`);
  const why = said.trim();
  if (MACHINE_REFUSES.includes(code)) throw new StepFailure(why, { exitCode: code });
  // Root of a user namespace has neither the rights of root nor the other users.
  const advice = "This is not the machine's own root. Run it as that; in a container, with --privileged";
  throw new StepFailure(`account files cannot be changed in an instance: ${why}. ${advice}.`, {
    exitCode: UNAVAILABLE,
  });
}

/** Starts an instance and resolves when commands can run in it. */
export async function startInstance({ name, directory, cleanup, signal }: InstanceOptions): Promise<Instance> {
  const home = join(directory, name);
  mkdirSync(home, { mode: 0o700 });
  const pidFile = join(home, 'pid');
  const logFile = join(home, 'instance.log');
  // Its init waits for the end of a pipe from us: the instance cannot outlive the demonstration.
  const command: Argv = [program('throwaway-instance'), name, home, 'sh', '-c', 'exec cat > /dev/null'];
  const daemon = startDaemon(command, { env: PLAIN_ENVIRONMENT, logFile });
  const initPid = (): number | null => (existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : null);
  cleanup.defer(`the instance ${name}`, () => {
    const pid = initPid();
    // The init itself and not its parent, which then reaps it; an init does not hear a gentler signal.
    return daemon.end({
      graceMs: KILLED_GRACE_MS,
      ...(pid === null ? {} : { first: () => signalIfThere(pid, 'SIGKILL') }),
    });
  });
  await until(
    () => {
      if (daemon.ended !== null) throw new StepFailure(`${name} ended ${daemon.ended}`, { logFile });
      return initPid() !== null;
    },
    {
      ...{ deadlineMs: START_DEADLINE_MS, everyMs: 10, signal },
      why: () => new StepFailure(`${name} does not start`, { logFile }),
    },
  );

  const entry: Argv = ['nsenter', '--target', String(initPid()), ...ENTRY_FLAGS, '--'];
  const options = { env: PLAIN_ENVIRONMENT, signal };
  return {
    ...{ name, daemon, entry },
    run: (argv, input = '') => run([...entry, ...argv], { ...options, input }),
    mustRun: (argv, input = '') => mustRun([...entry, ...argv], { ...options, input }),
    startAgent() {
      const agent = startDaemon([...entry, program('latchkey-agent'), 'run'], {
        env: PLAIN_ENVIRONMENT,
        logFile: join(home, 'agent.log'),
      });
      // Runs before the instance ends, whose end leaves nothing to be done here in any case.
      cleanup.defer(`the agent of ${name}`, () => agent.end({ graceMs: KILLED_GRACE_MS }));
      return agent;
    },
  };
}

const ENTRY_FLAGS = ['--mount', '--pid', '--uts', '--ipc', '--root', '--wd'] as const;
