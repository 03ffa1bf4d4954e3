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

/** When a token ends that this actor makes: nobody hands out what outlasts their own. Null means never. */
export function endOfTokenFrom(actor: Pick<Actor, 'expiresAt'>, wished: number | null): number | null {
  if (actor.expiresAt === null) return wished;
  return wished === null ? actor.expiresAt : Math.min(wished, actor.expiresAt);
}

/** Null means everything. */
function covers(mine: readonly string[] | null, theirs: readonly string[] | null): boolean {
  if (mine === null) return true;
  return theirs?.every((name) => mine.includes(name)) ?? false;
}
