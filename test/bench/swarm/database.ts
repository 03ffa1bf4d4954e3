import { DatabaseSync } from 'node:sqlite';

import { until } from '../../support/hosts/until.ts';

const RUNNING_DEADLINE_MS = 120_000;
const LOOK_MS = 100;

/**
 * Resolves when the control plane has recorded that so many agents are running, as operators are shown them.
 * `meanwhile` is called between two looks.
 */
export async function untilRunning(
  databaseFile: string,
  count: number,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const database = new DatabaseSync(databaseFile, { readOnly: true });
  try {
    const query = database.prepare(`select count(*) as running from instances where agentState = 'running'`);
    let running: unknown;
    await until(
      async () => {
        await meanwhile();
        running = query.get()?.['running'];
        return running === count;
      },
      {
        what: () => `${count} agents to be running; ${String(running)} are`,
        deadlineMs: RUNNING_DEADLINE_MS,
        everyMs: LOOK_MS,
      },
    );
  } finally {
    database.close();
  }
}
