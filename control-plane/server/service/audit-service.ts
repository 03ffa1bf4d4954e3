import type { ApiCode, AuditQuery, AuditRecord, InstallCode } from '#protocol';
import type * as z from 'zod';
import { auditName, type Actor } from '../domain/actor.ts';
import type { RecordedAction } from '../store/records.ts';
import type { AuditFilter, Store } from '../store/store.ts';
import { ANYTHING, type DeniedError, type Gate } from './gate.ts';
import { listing, pageRequest, type Listing } from './listing.ts';
import type { RefusalCounter } from './refusal-counter.ts';

export interface Refusal {
  readonly code: ApiCode | InstallCode;
  /** Network address, as `sourceOf` made it. */
  readonly source: string;
  /** What was tried: `authenticate`, `instance.enrol`, … */
  readonly action: RecordedAction;
  /** Known when the refusal is about how often somebody asks rather than about who asks. */
  readonly actor?: Actor;
}

export interface AuditService {
  list(actor: Actor, query: z.output<typeof AuditQuery>): Promise<Listing<AuditRecord>>;
  /** Counts a refused request; returns at once. */
  countRefusal(refusal: Refusal): void;
  /** Counts what somebody who is known may not do at all, by what they tried; returns at once. */
  countDenial(denial: DeniedError): void;
}

export function createAuditService(deps: {
  readonly store: Store;
  readonly gate: Gate;
  readonly refusals: RefusalCounter;
}): AuditService {
  const { store, gate, refusals } = deps;
  return {
    list: (actor, query) =>
      gate.guard(async () => {
        gate.decide(actor, 'audit.read', ANYTHING, { subject: 'audit' });
        const page = await store.read.audit.list(filterOf(query), pageRequest(query));
        return listing(page, (record) => record);
      }),
    countRefusal: ({ code, source, action, actor }) => {
      const by = actor === undefined ? 'anonymous' : auditName(actor);
      refusals.count({ action, code, actor: by, subject: `source:${source}`, decision: 'deny' });
    },
    countDenial: ({ code, entry: { actor, action, resource, rule } }) => {
      refusals.count({ action, code, actor, subject: resource, decision: 'deny', rule });
    },
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
