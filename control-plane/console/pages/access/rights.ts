import type { WhoAmI } from '#protocol';
import type * as z from 'zod';

type Holder = Pick<z.output<typeof WhoAmI>, 'role' | 'projects'>;

export interface AccessRights {
  /** Also whether sessions of others are listed. */
  readonly readTokens: boolean;
  readonly createApiTokens: boolean;
  readonly createJoinTokens: boolean;
}

/**
 * What is offered to whoever has signed in. The control plane decides; this only keeps the page from asking for what it
 * would be denied, since every denial stands in the audit.
 */
export function rightsOf({ role, projects }: Holder): AccessRights {
  const isGlobalAdministrator = role === 'administrator' && projects === null;
  return {
    readTokens: isGlobalAdministrator,
    createApiTokens: isGlobalAdministrator,
    createJoinTokens: role !== 'viewer',
  };
}
