import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { composeAgent, openEnrolled } from '../compose.ts';
import { holderOf } from '../node/instance-lock.ts';
import { lockDirectory } from '../node/instance-lock.ts';
import type { Log } from '../ports.ts';
import { VerbError } from './failure.ts';

const UNIT = 'latchkey-agent.service';
const UNIT_FILE = `/etc/systemd/system/${UNIT}`;
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
  const { directory } = options;
  const removed: string[] = [];
  if (existsSync(UNIT_FILE)) {
    systemctl('disable', '--now', UNIT);
    rmSync(UNIT_FILE);
    systemctl('daemon-reload');
    removed.push(UNIT_FILE);
  }
  if (!existsSync(directory)) return { saidGoodbye: false, removed };
  await endRunning(directory);
  const saidGoodbye = await sayGoodbye(options);
  rmSync(directory, { recursive: true, force: true });
  removed.push(directory);
  if (existsSync(options.policyFile)) {
    rmSync(options.policyFile);
    removed.push(options.policyFile);
  }
  return { saidGoodbye, removed };
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
    const { agent, instance } = composeAgent(enrolled, { log: SILENT, policyFile: options.policyFile, standby: false });
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

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
