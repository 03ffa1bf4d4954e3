import { BACKOFF_BASE_MS, BACKOFF_CAP_MS, CLOSE_CODES, type CloseReason } from '#protocol';

/** A session proves nothing about the next one unless it lasted; only then does the back-off start anew. */
export const LASTING_SESSION_MS = 30_000;
/** Where only an operator can mend it, asking often is noise; yet the mend should show within minutes. */
export const SLOW_RETRY_MS_MIN = 60_000;
export const SLOW_RETRY_MS_MAX = 300_000;

/** A span to choose a delay from, in milliseconds. */
export interface DelaySpan {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Full jitter: evenly between nothing and a bound that doubles with each attempt up to the cap. */
export function backoffSpan(attempt: number): DelaySpan {
  // An exponent past the cap's would only overflow after days without a network.
  const doublings = Math.min(attempt, 20);
  return { minMs: 0, maxMs: Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** doublings) };
}

/** How long to stay away after a connection ended for that reason; `null`: it just broke. */
export function retrySpan(reason: CloseReason | null, attempt: number, drain: DelaySpan | null): DelaySpan {
  const retry = reason === null ? 'back-off' : CLOSE_CODES[reason].retry;
  switch (retry) {
    case 'slow':
      return { minMs: SLOW_RETRY_MS_MIN, maxMs: SLOW_RETRY_MS_MAX };
    case 'back-off':
    case 'when-told':
      return drain ?? backoffSpan(attempt);
    default:
      return retry satisfies never;
  }
}

/** `fraction` is uniform in [0, 1). */
export function chooseDelay(span: DelaySpan, fraction: number): number {
  return Math.round(span.minMs + (span.maxMs - span.minMs) * fraction);
}
