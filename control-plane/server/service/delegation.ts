import type { CreateApiToken } from '#protocol';
import type * as z from 'zod';
import type { Actor } from '../domain/actor.ts';

/** Whether everything that a new token may do, its creator may do too: nobody hands out more than they have. */
export function withinRightsOf(actor: Actor, request: z.output<typeof CreateApiToken>): boolean {
  return (
    (actor.privileged || !request.privileged) &&
    covers(actor.projects, request.projects) &&
    covers(actor.accounts, request.accounts)
  );
}

/** Null means everything. */
function covers(mine: readonly string[] | null, theirs: readonly string[] | null): boolean {
  if (mine === null) return true;
  return theirs?.every((name) => mine.includes(name)) ?? false;
}
