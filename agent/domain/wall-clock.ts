import { CLOCK_SKEW_MS_MAX } from '#protocol';

/** What the last welcome said about time: the control plane's wall clock at a moment of our monotonic one. */
export interface ServerTime {
  readonly serverMs: number;
  readonly monotonicMs: number;
}

export interface LocalTime {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** How far the local wall clock is ahead of the control plane's, in milliseconds; null before the first welcome. */
export function clockSkew(local: LocalTime, server: ServerTime | null): number | null {
  if (server === null) return null;
  return local.wallMs - (server.serverMs + local.monotonicMs - server.monotonicMs);
}

export function isSkewed(skewMs: number | null): boolean {
  return skewMs !== null && Math.abs(skewMs) > CLOCK_SKEW_MS_MAX;
}

/**
 * The wall clock to judge limits by: the local one while it is right, the control plane's when they are far apart, for
 * a wrong clock of the instance must not block resets. The price: a stolen control plane can stretch the limit that a
 * client set (`notAfter`) by lying about the time. It cannot stretch the age of an order, which is monotonic, nor apply
 * a reset twice, since what was applied is remembered for as long as its seal can be opened.
 */
export function believedNow(local: LocalTime, server: ServerTime | null): number {
  const skewMs = clockSkew(local, server);
  // Whole milliseconds, as every time that is written down or signed; the monotonic clock has fractions.
  return skewMs !== null && isSkewed(skewMs) ? Math.floor(local.wallMs - skewMs) : local.wallMs;
}
