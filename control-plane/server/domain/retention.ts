/** How long what is over is kept, in days; null for ever. */
export interface Retention {
  /** Resets and their tasks, counted from their end. */
  readonly resetsDays: number | null;
  /** Records of the audit. */
  readonly auditDays: number | null;
}

/** A quarter to look results up, a year and a month to look into who did what. */
export const DEFAULT_RETENTION: Retention = { resetsDays: 90, auditDays: 400 };

/** An agent that was cut off may bring a result late; whoever asked is given this long to read it. */
export const RESETS_DAYS_MIN = 7;
export const AUDIT_DAYS_MIN = 30;
export const RETENTION_DAYS_MAX = 36_500;

const DAY_MS = 24 * 3_600_000;
/** What the wall clock may differ from the monotonic one between two looks: leap seconds, slewing, a suspended machine. */
const CLOCK_STEP_MS_MAX = DAY_MS;

/** One look at both clocks, in milliseconds. */
export interface Look {
  readonly now: number;
  readonly monotonic: number;
}

/** What ended at or before these times may go; null: nothing of it. */
export interface Cutoffs {
  readonly resets: number | null;
  readonly audit: number | null;
}

/**
 * What may go now. Null when the wall clock was set since the last look: a clock that is years ahead by mistake would
 * take everything with it, so that it has to stand until the next look.
 */
export function cutoffsOf({ resetsDays, auditDays }: Retention, last: Look, look: Look): Cutoffs | null {
  const stepMs = look.now - last.now - (look.monotonic - last.monotonic);
  if (Math.abs(stepMs) > CLOCK_STEP_MS_MAX) return null;
  const before = (days: number | null) => (days === null ? null : look.now - days * DAY_MS);
  return { resets: before(resetsDays), audit: before(auditDays) };
}
