import type { ActorRole, ConsoleSessionId, ProjectName, TokenId } from '#protocol';

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
  /** When its token ends, milliseconds since the epoch; null for never. */
  readonly expiresAt: number | null;
  /** Set when a browser asks by a session that this token was exchanged for. */
  readonly consoleSession?: ConsoleSessionId;
}

/** The actor's name in the audit. */
export function auditName(actor: Actor): string {
  return `token:${actor.tokenId} ${actor.name}`;
}

/** What of a token decides about its holder. */
export interface TokenRights {
  readonly id: TokenId;
  readonly name: string;
  readonly role: ActorRole | null;
  readonly projects: readonly ProjectName[] | null;
  readonly accounts: readonly string[] | null;
  readonly privileged: boolean;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

/** The actor behind an API token, with the rights that it has at `now`; null for a join token, or when it has none. */
export function actorOfToken(token: TokenRights | null, now: number): Actor | null {
  if (!token?.role || token.revokedAt !== null) return null;
  if (token.expiresAt !== null && token.expiresAt <= now) return null;
  const { id, name, role, projects, accounts, privileged, expiresAt } = token;
  return { tokenId: id, name, role, projects, accounts, privileged, expiresAt };
}
