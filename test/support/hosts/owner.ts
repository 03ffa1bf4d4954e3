import { randomBytes } from 'node:crypto';

import { startTime } from './process-table.ts';

/**
 * Whatever a run must leave outside its own namespaces (control groups, scratch directories) bears the name of the
 * process that made it: `latchkey-test.PID.STARTTIME.RANDOM`. A run that was killed cannot clean up; the next one reads
 * from the name alone that the owner is dead, and does it in its place. The start time guards against reused pids.
 */
export const OWNER_PREFIX = 'latchkey-test.';

/** A new name, owned by this process. */
export function ownedName(): string {
  const started = startTime(process.pid) ?? '0';
  return `${OWNER_PREFIX}${String(process.pid)}.${started}.${randomBytes(4).toString('hex')}`;
}

/** Whether a name is one of ours whose owner no longer lives. */
export function isAbandoned(name: string): boolean {
  const match = /^latchkey-test\.(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name);
  return match !== null && startTime(Number(match[1])) !== match[2];
}
