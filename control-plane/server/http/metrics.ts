import type { ApiCode } from '#protocol';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Store } from '../store/store.ts';
import type { LimitName } from './rate-limits.ts';

/** Answers of a healthy control plane lie between a fraction of a millisecond and a few seconds. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

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
  /** The text of the exposition format, and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createMetrics(deps: {
  readonly store: Pick<Store, 'read'>;
  /** Adds what the runtime says of this process: memory, event loop, collections. */
  readonly ofProcess: boolean;
}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (deps.ofProcess) collectDefaultMetrics({ register: registry });
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
  return {
    registry,
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
