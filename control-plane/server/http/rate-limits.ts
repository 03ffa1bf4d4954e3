import type { RateLimit } from '../domain/rate-limiter.ts';

/** What each kind of request may cost one source or one token. */
export interface RateLimits {
  /** Attempts to enrol, by source; one that fails costs `FAILED_ENROLMENT_COST`. */
  readonly enrolment: RateLimit;
  /** Credentials that were presented and are wrong, by source. */
  readonly failedAuthentication: RateLimit;
  /** Plans and starts of resets, by token. */
  readonly reset: RateLimit;
  /** Sessions of the console that are opened, by token. */
  readonly signIn: RateLimit;
}

export type LimitName = keyof RateLimits;

/** A fleet that joins from behind one address passes; guessing does not get anywhere. */
export const RATE_LIMITS: RateLimits = {
  enrolment: { burst: 200, perSecond: 10 },
  failedAuthentication: { burst: 20, perSecond: 0.5 },
  reset: { burst: 600, perSecond: 20 },
  signIn: { burst: 20, perSecond: 0.2 },
};

/** How much more a failed enrolment costs than one that succeeds. */
export const FAILED_ENROLMENT_COST = 10;
