import type { Action, WhoAmI } from '#protocol';
import { useSession } from '../api/session.ts';

type Holder = Pick<WhoAmI, 'role' | 'projects'>;

/** What is offered, and which action of the control plane each comes down to. */
export const ACTION_OF = {
  reset: 'reset.start',
  holdResets: 'reset.pause',
  addInstances: 'instance.add',
  changeInstances: 'instance.change',
  removeInstances: 'instance.remove',
  createJoinTokens: 'join-token.create',
  createApiTokens: 'token.create',
  /** Also whether sessions of others are listed. */
  readTokens: 'token.read',
  readAudit: 'audit.read',
  changeService: 'service.change',
  addProjects: 'project.add',
  readSettings: 'settings.read',
} as const satisfies Record<string, Action>;

export type Rights = Readonly<Record<keyof typeof ACTION_OF, boolean>>;

/**
 * What is offered to whoever has signed in. The control plane decides; this only keeps the page from asking for what it
 * would be denied, since every denial stands in the audit.
 */
export function rightsOf({ role, projects }: Holder): Rights {
  const isOperator = role !== 'viewer';
  const isAdministrator = role === 'administrator';
  const isOfAll = projects === null;
  return {
    reset: isOperator,
    holdResets: isOperator,
    addInstances: isOperator,
    changeInstances: isOperator,
    removeInstances: isAdministrator,
    createJoinTokens: isOperator,
    createApiTokens: isAdministrator && isOfAll,
    readTokens: isAdministrator && isOfAll,
    readAudit: isOperator && isOfAll,
    changeService: isAdministrator,
    addProjects: isAdministrator && isOfAll,
    readSettings: isAdministrator && isOfAll,
  };
}

export function useRights(): Rights {
  return rightsOf(useSession().signIn.holder);
}
