import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The account database of the machine. */
export const ACCOUNT_FILES = ['/etc/passwd', '/etc/shadow', '/etc/group', '/etc/gshadow'] as const;

/** What stood in them at one moment, as digests. */
export type Snapshot = ReadonlyMap<string, string>;

export function takeSnapshot(): Snapshot {
  return new Map(ACCOUNT_FILES.map((path) => [path, digestOf(path)]));
}

/** The files that are different now. */
export function changedSince(before: Snapshot): string[] {
  return [...takeSnapshot()].flatMap(([path, digest]) => (before.get(path) === digest ? [] : [path]));
}

function digestOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    // Some systems have no gshadow. That it is not there is a state to compare, too.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
    throw error;
  }
}
