import { InstanceName, ProjectName, TASK_COUNTS_AS, TaskState, type AgentState } from '#protocol';
import type { InstanceRecord } from '../../../control-plane/server/store/records.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import { anInstance, aReset, aTask } from '../../contract/store-records.ts';

const PER_TRANSACTION = 500;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const ROLES = ['web', 'db', 'cache', 'queue', 'build', 'edge', 'mail', 'dns'];
const ZONES = ['ams', 'fra', 'lon', 'nyc'];
const PROJECTS = ['default', 'shop', 'billing', 'lab'].map((name) => ProjectName.parse(name));
const VERSIONS = ['0.1.0', '0.1.1', '0.2.0'];
const ENDED = TaskState.options.filter((state) => TASK_COUNTS_AS[state] !== 'pending');

/** Those that a start of the control plane leaves as they are: nobody is connected then. */
const STATES: readonly AgentState[] = ['offline', 'offline', 'offline', 'not-installed', 'abnormal', 'install-failed'];

/**
 * Writes so many instances into the store of a control plane that is stopped, each different in everything that a list
 * shows; four of five have been reset before.
 */
export async function inhabit(databaseFile: string, count: number, now: number): Promise<void> {
  const store = await openSqliteStore({ path: databaseFile });
  try {
    for (let from = 0; from < count; from += PER_TRANSACTION) {
      const numbers = Array.from({ length: Math.min(PER_TRANSACTION, count - from) }, (_, n) => from + n);
      const instances = numbers.map((n) => instanceOf(n, now));
      const requestedAt = now - ((from / PER_TRANSACTION) % 14) * DAY_MS;
      const started = { plannedAt: requestedAt, planExpiresAt: requestedAt + HOUR_MS, requestedAt };
      const ended = { notAfter: requestedAt + HOUR_MS, finishedAt: requestedAt + 1_000 };
      const open = { retryOf: null, pausedAt: null, stoppedAt: null };
      await store.transaction(async (tx) => {
        for (const instance of instances) await tx.instances.insert(instance);
        const reset = aReset({ ...started, ...ended, ...open });
        await tx.resets.insert(reset, []);
        const tasks = instances.flatMap(({ id }, n) => {
          if (n % 5 === 0) return [];
          const state = ENDED[n % ENDED.length] ?? 'succeeded';
          return [aTask(reset, { instanceId: id, state, sealed: null, updatedAt: requestedAt + n, requestedAt })];
        });
        await tx.tasks.insert(tasks);
      });
    }
  } finally {
    await store.close();
  }
}

function instanceOf(n: number, now: number): InstanceRecord {
  const pick = <T>(from: readonly T[], step: number): T => from[Math.floor(n / step) % from.length] as T;
  const [role, zone, agentState] = [pick(ROLES, 1), pick(ZONES, 3), pick(STATES, 5)];
  return anInstance({
    name: InstanceName.parse(`${role}-${zone}-${String(n).padStart(5, '0')}`),
    os: n % 7 === 0 ? 'windows' : 'linux',
    project: pick(PROJECTS, 11),
    tags: { role, zone, owner: `team-${String(n % 23)}` },
    createdAt: now - n * 60_000,
    fencedAt: agentState === 'abnormal' ? now - HOUR_MS : null,
    agentState,
    agentVersion: agentState === 'not-installed' ? null : pick(VERSIONS, 2),
    reasons:
      agentState === 'abnormal'
        ? [{ component: null, code: 'identity-cloned', detail: null, since: now - HOUR_MS }]
        : [],
    connectedSince: null,
    lastSeenAt: agentState === 'not-installed' ? null : now - n * 1_000,
  });
}
