import { printable, type ApiCode, type AuditQuery, type AuditRecord } from '#protocol';
import type * as z from 'zod';
import { auditName, type Actor } from '../domain/actor.ts';
import type { AuditEntry } from '../store/records.ts';
import type { AuditFilter, Store } from '../store/store.ts';
import { createBackground } from './background.ts';
import { ANYTHING, type Gate } from './gate.ts';
import { listing, pageRequest, type Listing } from './listing.ts';
import type { Clock, Log } from './ports.ts';

const MINUTE_MS = 60_000;
/** How many different refusals may wait to be written; what comes on top is counted under one common source. */
const WAITING_KEYS_MAX = 1_000;
/** How often one refusal is counted in one transaction, so that a flood of it holds up nobody else's. */
const COUNTS_PER_WRITE_MAX = 100;
const ELSEWHERE = 'elsewhere';

export interface Refusal {
  readonly code: ApiCode;
  /** Network address, as `sourceOf` made it. */
  readonly source: string;
  /** What was tried: `authenticate`, `instance.enrol`, … */
  readonly action: string;
  /** Known when the refusal is about how often somebody asks rather than about who asks. */
  readonly actor?: Actor;
}

export interface AuditService {
  list(actor: Actor, query: z.output<typeof AuditQuery>): Promise<Listing<AuditRecord>>;
  /**
   * Counts a refusal: one record a code, source and minute. Returns at once; a flood of refusals shares transactions, so
   * that being refused costs the control plane less than asking does.
   */
  countRefusal(refusal: Refusal): void;
  /** Resolves once every refusal is in the store. */
  settled(): Promise<void>;
}

interface Waiting {
  readonly entry: AuditEntry;
  readonly key: { readonly code: string; readonly source: string; readonly minute: number };
  times: number;
}

export function createAuditService(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly gate: Gate;
}): AuditService {
  const { store, gate } = deps;
  const refusals = createRefusalCounter(deps);
  return {
    list: (actor, query) =>
      gate.guard(async () => {
        gate.decide(actor, 'audit.read', ANYTHING, { subject: 'audit' });
        const page = await store.read.audit.list(filterOf(query), pageRequest(query));
        return listing(page, (record) => record);
      }),
    countRefusal: refusals.count,
    settled: refusals.settled,
  };
}

function filterOf(query: z.output<typeof AuditQuery>): AuditFilter {
  return {
    ...(query.action === undefined ? {} : { action: query.action }),
    ...(query.resource === undefined ? {} : { resource: query.resource }),
    ...(query.actor === undefined ? {} : { actor: query.actor }),
    ...(query.since === undefined ? {} : { since: query.since }),
  };
}

function createRefusalCounter({ store, clock, log }: { store: Store; clock: Clock; log: Log }) {
  const background = createBackground(log);
  let waiting = new Map<string, Waiting>();
  let writing = false;

  const count = (refusal: Refusal): void => {
    const at = clock.now();
    const minute = Math.floor(at / MINUTE_MS);
    const known = `${refusal.code} ${refusal.source} ${minute}`;
    const full = !waiting.has(known) && waiting.size >= WAITING_KEYS_MAX;
    const source = full ? ELSEWHERE : printable(refusal.source);
    const name = full ? `${refusal.code} ${ELSEWHERE} ${minute}` : known;
    const before = waiting.get(name);
    if (before === undefined) {
      const key = { code: refusal.code, source, minute };
      waiting.set(name, { entry: entryOf(refusal, source, at), key, times: 1 });
    } else {
      before.times += 1;
    }
    if (!writing) {
      writing = true;
      background.run('writing refusals to the audit', write);
    }
  };

  const write = async (): Promise<void> => {
    try {
      while (waiting.size > 0) {
        const batch = [...waiting.values()];
        waiting = new Map();
        await store.transaction(async (tx) => {
          for (const { entry, key, times } of batch) {
            for (let i = 0; i < Math.min(times, COUNTS_PER_WRITE_MAX); i += 1) await tx.audit.countRefusal(entry, key);
          }
        });
      }
    } finally {
      writing = false;
    }
  };

  return { count, settled: () => background.settled() };
}

function entryOf(refusal: Refusal, source: string, at: number): AuditEntry {
  return {
    at,
    actor: refusal.actor === undefined ? 'anonymous' : auditName(refusal.actor),
    action: refusal.action,
    resource: `source:${source}`,
    decision: 'deny',
    rule: refusal.code,
    code: refusal.code,
    detail: {},
  };
}
