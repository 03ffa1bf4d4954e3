import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { ComponentMap } from '#protocol';
import type { AgentStatus } from '../ports.ts';

const STATUS = 'status.json';

const StatusFile = z.object({
  state: z.enum(['starting', 'connecting', 'connected', 'waiting', 'stopping']),
  since: z.number(),
  lastLoss: z.string().nullable(),
  components: ComponentMap,
  unacknowledgedResults: z.int(),
});

/** Not flushed: it is news for people, and worth nothing after a crash. A disk that refuses changes nothing. */
export function writeStatusFile(directory: string, status: AgentStatus): void {
  const temporary = join(directory, `.tmp-${randomBytes(8).toString('hex')}`);
  try {
    writeFileSync(temporary, JSON.stringify(status), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, join(directory, STATUS));
  } catch {
    rmSync(temporary, { force: true });
  }
}

/** What the agent wrote last; null when it never did. */
export function readStatusFile(directory: string): AgentStatus | null {
  try {
    const parsed = StatusFile.safeParse(JSON.parse(readFileSync(join(directory, STATUS), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
