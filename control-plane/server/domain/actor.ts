import type { ActorRole, ProjectName, TokenId } from '#protocol';

/** Who asks, as far as decisions are concerned. Built from an API token at each request and again at each delivery. */
export interface Actor {
  readonly tokenId: TokenId;
  /** Shown in listings and in the audit. */
  readonly name: string;
  readonly role: ActorRole;
  /** Null means every project. */
  readonly projects: readonly ProjectName[] | null;
  /** Null means every account. */
  readonly accounts: readonly string[] | null;
  /** Whether privileged accounts may be reset. */
  readonly privileged: boolean;
}

/** The actor's name in the audit. */
export function auditName(actor: Actor): string {
  return `token:${actor.tokenId} ${actor.name}`;
}
