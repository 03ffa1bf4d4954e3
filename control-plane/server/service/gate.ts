import type { Action, ApiCode } from '#protocol';
import { auditName, type Actor } from '../domain/actor.ts';
import { authorize, type AuthorizationContext, type Resource } from '../domain/authorization.ts';
import type { AuditEntry } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import { ApiError } from './errors.ts';
import type { Clock } from './ports.ts';

/** What a decision is about, besides the resource that the rules look at. */
export interface About {
  /** The resource as the audit names it: `instance:<id>`, `token:<id>`, `project:<name>`. */
  readonly subject: string;
  readonly context?: AuthorizationContext;
}

/** A refusal with the record of it, which is written once the refused work has been rolled back. */
export class DeniedError extends ApiError {
  readonly entry: AuditEntry;

  constructor(code: ApiCode, entry: AuditEntry) {
    super(code);
    this.name = 'DeniedError';
    this.entry = entry;
  }
}

export type AuditDetail = AuditEntry['detail'];

/** Where services decide and record. Every decision on a change ends in the audit, whichever way it went. */
export interface Gate {
  /** Decides by the rules. Returns the rule that allows it, or throws `DeniedError`. */
  decide(actor: Actor, action: Action, resource: Resource, about: About): string;
  /** Whether the rules allow it, for answers that show less to some; nothing is recorded. */
  may(actor: Actor, action: Action, resource: Resource): boolean;
  /** A refusal that is not the rules' own: something that must look as if it did not exist, or an escalation. */
  denial(actor: Actor, action: Action, subject: string, rule: string, code: ApiCode): DeniedError;
  /** The record of a change that was allowed, to be appended in its transaction. */
  allowed(actor: Actor, action: Action, subject: string, rule: string, detail?: AuditDetail): AuditEntry;
  /** Runs a change in one transaction. A `DeniedError` in it undoes the change, and is recorded by itself. */
  change<T>(work: (tx: Repositories) => Promise<T>): Promise<T>;
  /** Runs anything that may throw a `DeniedError` outside a transaction, and records that. */
  guard<T>(work: () => Promise<T>): Promise<T>;
}

/** Nothing in particular: for actions that are about no project and no instance, and for a first look at the role. */
export const ANYTHING: Resource = { project: null, instanceId: null };

export function createGate(deps: { readonly store: Store; readonly clock: Clock }): Gate {
  const { store, clock } = deps;

  const entry = (actor: Actor, action: Action, subject: string, rule: string): Omit<AuditEntry, 'decision'> => ({
    at: clock.now(),
    actor: auditName(actor),
    action,
    resource: subject,
    rule,
    code: null,
    detail: {},
  });

  const denial: Gate['denial'] = (actor, action, subject, rule, code) =>
    new DeniedError(code, { ...entry(actor, action, subject, rule), decision: 'deny', code });

  const guard: Gate['guard'] = async (work) => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DeniedError) await store.transaction((tx) => tx.audit.append(error.entry));
      throw error;
    }
  };

  return {
    denial,
    guard,
    may: (actor, action, resource) => authorize(actor, action, resource).allow,
    decide: (actor, action, resource, about) => {
      const decision = authorize(actor, action, resource, about.context);
      if (!decision.allow) throw denial(actor, action, about.subject, decision.rule, 'not-authorised');
      return decision.rule;
    },
    allowed: (actor, action, subject, rule, detail = {}) => ({
      ...entry(actor, action, subject, rule),
      decision: 'allow',
      detail,
    }),
    change: (work) => guard(() => store.transaction(work)),
  };
}
