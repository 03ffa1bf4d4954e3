import type { ApiCode, TaskState, VerifiedBy } from '#protocol';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Store } from '../store/store.ts';
import type { LimitName } from './rate-limits.ts';

/** Answers of a healthy control plane lie between a fraction of a millisecond and a few seconds. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** A reset on an instance takes from a tenth of a second to minutes: those of an agent that comes back late. */
const RESET_SECONDS_BUCKETS = [0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/**
 * Figures for a Prometheus. Label sets are closed: every label is a word of ours (the pattern of a route, a code, a
 * state), never anything that a peer chose, so that no peer can grow them.
 */
export interface Metrics {
  /** For other parts to add their own figures to. */
  readonly registry: Registry;
  /** `route`: the pattern of the route, null where none matched. */
  answered(request: { method: string; route: string | null; status: number; seconds: number }): void;
  /** A refusal before authentication. */
  refused(code: ApiCode): void;
  limited(limit: LimitName): void;
  /** What an instance has said of a reset, once it is recorded. Times are from the arrival of the request. */
  readonly resultTaken: (result: ResultFigures) => void;
  /** The text of the exposition format, and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** What a result says that can be added up; milliseconds. */
export interface ResultFigures {
  readonly state: TaskState;
  readonly verifiedBy: VerifiedBy | null;
  readonly appliedMs: number | null;
  readonly verifiedMs: number | null;
}

export function createMetrics(deps: {
  readonly store: Pick<Store, 'read'>;
  /** Adds what the runtime says of this process: memory, event loop, collections. */
  readonly ofProcess: boolean;
}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (deps.ofProcess) addProcess(registry);
  addStates(registry, deps.store);
  const requests = new Histogram({
    name: 'latchkey_http_request_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: SECONDS_BUCKETS,
    registers,
  });
  const refusals = new Counter({
    name: 'latchkey_http_refusals_total',
    help: 'Requests refused before authentication',
    labelNames: ['code'] as const,
    registers,
  });
  const limited = new Counter({
    name: 'latchkey_http_rate_limited_total',
    help: 'Requests refused because there were too many',
    labelNames: ['limit'] as const,
    registers,
  });
  const results = addResults(registers);
  return {
    registry,
    resultTaken: results,
    answered: ({ method, route, status, seconds }) => {
      const labels = {
        method: METHODS.includes(method) ? method : 'other',
        route: route ?? 'unmatched',
        status: `${Math.floor(status / 100)}xx`,
      };
      requests.observe(labels, seconds);
    },
    refused: (code) => refusals.inc({ code }),
    limited: (limit) => limited.inc({ limit }),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

/** Gauges of the library whose names end like those of counters, which a Prometheus warns of. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

function addProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
}

function addResults(registers: Registry[]): Metrics['resultTaken'] {
  const taken = new Counter({
    name: 'latchkey_results_total',
    help: 'Results of resets that instances have sent',
    labelNames: ['state', 'verified_by'] as const,
    registers,
  });
  const histogram = (phase: string, help: string) =>
    new Histogram({ name: `latchkey_reset_${phase}_seconds`, help, buckets: RESET_SECONDS_BUCKETS, registers });
  const applied = histogram('applied', 'Time from the arrival of a request until the password stood on the instance');
  const verified = histogram('verified', 'Time from the arrival of a request until the password was proven');
  return ({ state, verifiedBy, appliedMs, verifiedMs }) => {
    taken.inc({ state, verified_by: verifiedBy ?? 'none' });
    if (appliedMs !== null) applied.observe(appliedMs / 1000);
    if (verifiedMs !== null) verified.observe(verifiedMs / 1000);
  };
}

/** What the store holds is counted when it is asked for, not while it changes. */
function addStates(registry: Registry, store: Pick<Store, 'read'>): void {
  const registers = [registry];
  new Gauge({
    name: 'latchkey_instances',
    help: 'Instances by the state of their agent',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await store.read.instances.countsByState())) {
        this.set({ state }, count);
      }
    },
  });
  new Gauge({
    name: 'latchkey_tasks',
    help: 'Resets of one instance by their state',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await store.read.tasks.countsByState())) this.set({ state }, count);
    },
  });
}
