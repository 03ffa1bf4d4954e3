import * as z from 'zod';
import { ConsoleSessionId, EpochMs, TokenId } from '../ids.ts';
import { WhoAmI } from './access.ts';
import { PageQuery, pageOf } from './common.ts';

/** The header in which a page proves that it may see the answers to its own requests: `ConsoleSignIn.csrfToken`. */
export const CSRF_HEADER = 'x-latchkey-csrf';
/** Sent with any value by what a page asks by itself, so that a page that was left open does not count as used. */
export const UNATTENDED_HEADER = 'x-latchkey-unattended';

/** One sign-in of a browser. Its secret is in the cookie and nowhere else; the store keeps a hash. */
export const ConsoleSession = z.object({
  id: ConsoleSessionId,
  /** The API token that it was exchanged for: a session may do what that may, and ends with it. */
  tokenId: TokenId,
  tokenName: z.string(),
  createdAt: EpochMs,
  /** To the minute: the last request that a person caused. */
  lastUsedAt: EpochMs,
  /** When it ends if nobody uses it until then, and at the latest. */
  idleUntil: EpochMs,
  expiresAt: EpochMs,
  /** Network address that it was opened from. */
  source: z.string(),
  /** What the browser says it is: a claim. */
  browser: z.string(),
  /** Whether it is the one that asks. */
  current: z.boolean(),
});
export type ConsoleSession = z.infer<typeof ConsoleSession>;

/** What a page needs to go on; asked for again after each reload. */
export const ConsoleSignIn = z.object({
  session: ConsoleSession,
  /** To be sent as `CSRF_HEADER` with everything that changes something. */
  csrfToken: z.string(),
  holder: WhoAmI,
});
export type ConsoleSignIn = z.infer<typeof ConsoleSignIn>;

/** Sessions that are good now, newest first. */
export const ConsoleSessionPage = pageOf(ConsoleSession);
export const ConsoleSessionQuery = PageQuery;
