/** Ends a child started with `detached: true`, with everything below it. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

const DEPTH_MAX = 4;

/** SIGKILL to its group, and to descendants that made a session of their own, as modules of PAM do. */
export function killTree(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const below = descendants(child.pid, DEPTH_MAX); // before the kill: afterwards they have another parent
  kill(-child.pid);
  for (const pid of below) kill(pid);
}

function descendants(pid: number, depth: number): number[] {
  if (depth === 0) return [];
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    const children = text
      .split(' ')
      .filter((word) => /^\d+$/.test(word))
      .map(Number);
    return children.flatMap((child) => [child, ...descendants(child, depth - 1)]);
  } catch {
    return []; // gone, or a kernel that does not list them
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
