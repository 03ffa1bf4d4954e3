import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { composeAgent, openEnrolled } from '../compose.ts';
import { DEFAULT_STATE_DIRECTORY } from '../node/config.ts';
import { holderOf, lockDirectory } from '../node/instance-lock.ts';
import { SILENT_LOG } from '../node/log.ts';
import { DEFAULT_POLICY_FILE } from '../node/policy-file.ts';
import { whyNotState } from '../node/state-directory.ts';
import { stateDirectoryRefused, VerbError } from './failure.ts';

const UNIT = 'latchkey-agent.service';
const UNIT_FILE = `/etc/systemd/system/${UNIT}`;
/** Where `scripts/instance/install-linux.sh` puts the program, and the link by which it is found. */
const PROGRAMS = '/usr/local/lib/latchkey-agent';
const PROGRAM_LINK = '/usr/local/bin/latchkey-agent';
/** A reset that runs is waited for. */
const STOP_MS_MAX = 60_000;
const GOODBYE_MS_MAX = 10_000;
const POLL_MS = 100;

export interface UninstallReport {
  /** Whether the control plane heard of it. */
  readonly saidGoodbye: boolean;
  readonly removed: readonly string[];
}

/** Ends the agent, tells the control plane if it can be reached, and leaves nothing on the machine. */
export async function uninstall(options: {
  readonly directory: string;
  readonly policyFile: string;
  readonly environment: NodeJS.ProcessEnv;
}): Promise<UninstallReport> {
  const { directory, policyFile } = options;
  // Before anything is touched: what is removed here is removed with everything in it.
  const problem = existsSync(directory) ? whyNotState(directory) : null;
  if (problem !== null) throw stateDirectoryRefused(problem);
  const removed: string[] = [];
  const remove = (path: string, recursive = false) => {
    if (!existsSync(path)) return;
    rmSync(path, { recursive });
    removed.push(path);
  };
  if (isUnitOf(directory)) {
    systemctl('disable', '--now', UNIT);
    remove(UNIT_FILE);
    systemctl('daemon-reload');
  }
  let saidGoodbye = false;
  if (existsSync(directory)) {
    await endRunning(directory);
    saidGoodbye = await sayGoodbye(options);
    remove(directory, true);
  }
  remove(policyFile);
  // The whole directory where it is the agent's own: the environment of the unit lies there, too.
  if (resolve(policyFile) === DEFAULT_POLICY_FILE) remove(dirname(DEFAULT_POLICY_FILE), true);
  // Last: whatever failed before can be tried again with it. A program that runs outlives the name of its file.
  if (isInstalledProgram(directory)) {
    if (isLinkToPrograms()) remove(PROGRAM_LINK);
    remove(PROGRAMS, true);
  }
  return { saidGoodbye, removed };
}

/** Whether this very program was put there by the installer, for that directory; a checkout is nobody's to remove. */
function isInstalledProgram(directory: string): boolean {
  return process.execPath.startsWith(`${PROGRAMS}/`) && resolve(directory) === DEFAULT_STATE_DIRECTORY;
}

function isLinkToPrograms(): boolean {
  const link = lstatSync(PROGRAM_LINK, { throwIfNoEntry: false });
  if (link?.isSymbolicLink() !== true) return false;
  return resolve(dirname(PROGRAM_LINK), readlinkSync(PROGRAM_LINK)).startsWith(`${PROGRAMS}/`);
}

/** Whether the installed unit runs the agent of that directory, and not that of another on the same machine. */
function isUnitOf(directory: string): boolean {
  if (!existsSync(UNIT_FILE)) return false;
  const named = /^ExecStart=.*\s--state[ =](\S+)/m.exec(readFileSync(UNIT_FILE, 'utf8'))?.[1];
  return resolve(named ?? DEFAULT_STATE_DIRECTORY) === resolve(directory);
}

function systemctl(...args: string[]): void {
  spawnSync('systemctl', args, { stdio: 'ignore', timeout: STOP_MS_MAX });
}

async function endRunning(directory: string): Promise<void> {
  const holder = holderOf(directory);
  if (holder === null) return;
  process.kill(holder.pid, 'SIGTERM');
  for (let waitedMs = 0; waitedMs < STOP_MS_MAX; waitedMs += POLL_MS) {
    if (holderOf(directory) === null) return;
    await delay(POLL_MS);
  }
  throw new VerbError(
    'still-running',
    `The agent (process ${String(holder.pid)}) does not end.`,
    'End it, then run this again. Nothing was removed.',
  );
}

/** With a session of our own, since a goodbye is worth nothing without a proof. A damaged state says none. */
async function sayGoodbye(options: Parameters<typeof uninstall>[0]): Promise<boolean> {
  const { directory } = options;
  const lock = lockDirectory(directory);
  if (!lock.ok) return false;
  try {
    const enrolled = await openEnrolled(directory, options.environment);
    const { agent, instance } = composeAgent(enrolled, {
      log: SILENT_LOG,
      policyFile: options.policyFile,
      standby: false,
    });
    await agent.start();
    let live = false;
    for (let waitedMs = 0; waitedMs < GOODBYE_MS_MAX && !live; waitedMs += POLL_MS) {
      live = agent.status().state === 'connected';
      if (!live) await delay(POLL_MS);
    }
    await agent.stop('uninstalled');
    instance.close();
    await enrolled.storage.close();
    return live;
  } catch {
    return false;
  } finally {
    lock.release();
  }
}
