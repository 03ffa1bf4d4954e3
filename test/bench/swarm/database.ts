import { DatabaseSync } from 'node:sqlite';

import { until } from '../../support/hosts/until.ts';

const RUNNING_DEADLINE_MS = 120_000;
const LOOK_MS = 100;

/** Resolves when the control plane has recorded that so many agents are running, as operators are shown them. */
export async function untilRunning(databaseFile: string, count: number): Promise<void> {
  const database = new DatabaseSync(databaseFile, { readOnly: true });
  try {
    const query = database.prepare(`select count(*) as running from instances where agentState = 'running'`);
    let running: unknown;
    await until(
      () => {
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
