import { CONSOLE_SESSION_AGE_MS_MAX, CONSOLE_SESSION_IDLE_MS_MAX } from '#protocol';

/** What of a console session decides whether it is still good. Times are milliseconds since the epoch. */
export interface ConsoleSessionTimes {
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly revokedAt: number | null;
}

/** When it ends if nobody uses it, and when it ends whatever anybody does. */
export function endsOf({ createdAt, lastUsedAt }: ConsoleSessionTimes): { idleUntil: number; expiresAt: number } {
  const expiresAt = createdAt + CONSOLE_SESSION_AGE_MS_MAX;
  return { idleUntil: Math.min(expiresAt, lastUsedAt + CONSOLE_SESSION_IDLE_MS_MAX), expiresAt };
}

/** Whether it still stands for its holder. A session from the future is not good: a clock was set back. */
export function isCurrent(session: ConsoleSessionTimes, now: number): boolean {
  return session.revokedAt === null && session.createdAt <= now && now < endsOf(session).idleUntil;
}

/** What `isCurrent` asks for, as bounds of what is read, so that a page of a list is full of those that are good. */
export function currentAt(now: number): {
  readonly openedAfter: number;
  readonly openedUntil: number;
  readonly usedAfter: number;
} {
  return {
    openedAfter: now - CONSOLE_SESSION_AGE_MS_MAX,
    openedUntil: now,
    usedAfter: now - CONSOLE_SESSION_IDLE_MS_MAX,
  };
}

/** What a browser says about where a request comes from. */
export interface RequestOrigin {
  readonly method: string;
  /** The headers, undefined where they are missing. */
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
}

/**
 * Whether a request that carries the cookie may come from the console's own pages. Browsers send `Origin` with all that
 * changes something, so there its absence is a refusal; with the rest, either header must not speak of another site.
 */
export function isSameOrigin({ method, origin, secFetchSite }: RequestOrigin, publicOrigin: string): boolean {
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin') return false;
  if (origin !== undefined) return origin === publicOrigin;
  return isSafeMethod(method);
}

/** Methods that change nothing (RFC 9110, section 9.2.1). */
export function isSafeMethod(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
