import {
  AgentState,
  InstanceId,
  OVERVIEW_DAYS,
  OVERVIEW_ROWS_MAX,
  TASK_COUNTS_AS,
  type AgentChange,
  type DayOfResets,
  type Overview,
  type TaskState,
} from '#protocol';
import type { Actor } from '../domain/actor.ts';
import type { Store } from '../store/store.ts';
import { ANYTHING, type Gate } from './gate.ts';
import { viewOfInstance } from './instance-view.ts';
import type { Clock } from './ports.ts';

const DAY_MS = 24 * 3_600_000;
/** Changes of others that are read past to find those that the actor may see. */
const CHANGES_READ_MAX = 500;
const NEEDS_ATTENTION: readonly AgentState[] = ['abnormal', 'install-failed', 'offline'];

export interface OverviewService {
  /** Everything that the actor may see, on one page. */
  overview(actor: Actor): Promise<Overview>;
}

export function createOverviewService(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly gate: Gate;
  /** Figures of this process. */
  readonly controlPlane: () => Overview['controlPlane'];
}): OverviewService {
  const { store, clock, gate, controlPlane } = deps;
  return {
    overview: (actor) =>
      gate.guard(async () => {
        gate.decide(actor, 'instance.read', ANYTHING, { subject: 'instances' });
        const { projects } = actor;
        const agents = await store.read.instances.countsByState(projects);
        const versions = await store.read.instances.countsByVersion(projects);
        return {
          agents,
          versions: versions.map(({ version, count }) => ({ version, instances: count })),
          attention: await attention(store, actor, agents),
          changes: await changes(store, actor),
          resets: await resetsByDay(store, actor, clock.now()),
          controlPlane: controlPlane(),
        };
      }),
  };
}

async function attention(
  { read }: Store,
  { projects }: Actor,
  counts: Readonly<Record<AgentState, number>>,
): Promise<Overview['attention']> {
  const items: Overview['attention']['items'] = [];
  for (const state of NEEDS_ATTENTION) {
    const limit = OVERVIEW_ROWS_MAX - items.length;
    if (limit === 0 || counts[state] === 0) continue;
    const filter = { state, ...(projects === null ? {} : { projects }) };
    const { rows } = await read.instances.list(filter, { limit, after: null });
    items.push(...rows.map(viewOfInstance));
  }
  return { total: NEEDS_ATTENTION.reduce((sum, state) => sum + counts[state], 0), items };
}

async function changes({ read }: Store, { projects }: Actor): Promise<AgentChange[]> {
  const limit = projects === null ? OVERVIEW_ROWS_MAX : CHANGES_READ_MAX;
  const { rows } = await read.audit.list({ action: 'agent.state' }, { limit, after: null });
  const ids = rows.flatMap(({ resource }) => idOf(resource) ?? []);
  const instances = new Map((await read.instances.getMany([...new Set(ids)])).map((record) => [record.id, record]));
  const seen = rows.flatMap(({ at, resource, code, detail }): AgentChange[] => {
    const instanceId = idOf(resource);
    const states = { from: AgentState.safeParse(detail['from']), to: AgentState.safeParse(detail['to']) };
    if (instanceId === null || !states.from.success || !states.to.success) return [];
    const instance = instances.get(instanceId);
    // Whose project nobody knows any more is shown to those alone who may see all.
    if (projects !== null && (instance === undefined || !projects.includes(instance.project))) return [];
    const name = instance?.name ?? instanceId;
    return [{ at, instanceId, instance: name, from: states.from.data, to: states.to.data, code }];
  });
  return seen.slice(0, OVERVIEW_ROWS_MAX);
}

function idOf(resource: string): InstanceId | null {
  const id = InstanceId.safeParse(resource.replace(/^instance:/, ''));
  return id.success ? id.data : null;
}

async function resetsByDay({ read }: Store, { projects }: Actor, now: number): Promise<DayOfResets[]> {
  const today = Math.floor(now / DAY_MS);
  const first = today - OVERVIEW_DAYS + 1;
  const rows = await read.tasks.endedByDay(first * DAY_MS, projects);
  return Array.from({ length: OVERVIEW_DAYS }, (_, index) => {
    const day = first + index;
    const count = (counts: (state: TaskState) => boolean) =>
      rows.reduce((sum, row) => (row.day === day && counts(row.state) ? sum + row.count : sum), 0);
    return {
      day: day * DAY_MS,
      succeeded: count((state) => TASK_COUNTS_AS[state] === 'succeeded'),
      unknown: count((state) => state === 'outcome-unknown'),
      failed: count((state) => TASK_COUNTS_AS[state] === 'failed' && state !== 'outcome-unknown'),
    };
  });
}
