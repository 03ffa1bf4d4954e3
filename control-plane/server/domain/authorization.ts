import type { AccountRef, Action, InstanceId, ProjectName, ResetMode, ResetOptions } from '#protocol';
import type { Actor } from './actor.ts';

/** On what: `null` fields where the action is about no such thing. */
export interface Resource {
  readonly project: ProjectName | null;
  readonly instanceId: InstanceId | null;
}

/** What else a decision may look at. */
export interface AuthorizationContext {
  readonly account?: AccountRef;
  readonly mode?: ResetMode;
  readonly options?: ResetOptions;
  readonly batchSize?: number;
  /** Frees an identity's place: whoever enrols next under that name or id gets the passwords meant for it. */
  readonly displacesIdentity?: boolean;
}

/** A decision names its rule, so that the audit can quote it. */
export type Decision =
  { readonly allow: true; readonly rule: string } | { readonly allow: false; readonly rule: string };

const VIEWER: readonly Action[] = [
  'self.read',
  'console-session.end',
  'console-session.open',
  'instance.read',
  'project.read',
  'reset.read',
  'metrics.read',
];
const OPERATOR: readonly Action[] = [
  ...VIEWER,
  'instance.add',
  'instance.change',
  'reset.plan',
  'reset.start',
  'reset.cancel',
  'reset.pause',
  'reset.resume',
  'join-token.create',
  'audit.read',
];
const ADMINISTRATOR: readonly Action[] = [
  ...OPERATOR,
  'instance.remove',
  'project.add',
  'service.change',
  'token.read',
  'token.create',
  'token.revoke',
  'settings.read',
];

const GRANTS: Record<Actor['role'], readonly Action[]> = {
  viewer: VIEWER,
  operator: OPERATOR,
  administrator: ADMINISTRATOR,
};

/** Actions that speak of the whole control plane, so that a token scoped to projects cannot have them. */
const GLOBAL: readonly Action[] = [
  'project.add',
  'token.read',
  'token.create',
  'token.revoke',
  'audit.read',
  'metrics.read',
  'settings.read',
];

/** The one seam: who, what, on what, in which circumstances. Everything that no rule grants is denied. */
export function authorize(
  actor: Actor,
  action: Action,
  resource: Resource,
  context: AuthorizationContext = {},
): Decision {
  if (!GRANTS[actor.role].includes(action)) return { allow: false, rule: 'default-deny' };
  if (actor.projects !== null) {
    if (GLOBAL.includes(action)) return { allow: false, rule: 'project-scope' };
    if (resource.project !== null && !actor.projects.includes(resource.project)) {
      return { allow: false, rule: 'project-scope' };
    }
  }
  const aboutAccount = action === 'reset.plan' || action === 'reset.start';
  if (aboutAccount && actor.accounts !== null && context.account !== undefined) {
    if (!actor.accounts.includes(context.account)) return { allow: false, rule: 'account-scope' };
  }
  // Whoever stands in for an instance opens the passwords of every account on it: it takes the right to all of them.
  if (context.displacesIdentity === true && (actor.accounts !== null || !actor.privileged)) {
    return { allow: false, rule: 'no-escalation' };
  }
  return { allow: true, rule: `role-${actor.role}` };
}
