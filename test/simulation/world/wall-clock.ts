/** When the control plane's clock, which is right, says that the world begins: milliseconds since the epoch. */
export const WORLD_BEGINS_MS = 1_800_000_000_000;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const CLOCK_FAULTS = ['right', 'drifting', 'day-ahead', 'day-behind', 'since-1970', 'month-ahead'] as const;
export type ClockFault = (typeof CLOCK_FAULTS)[number];

/** The wall clock of a machine. */
export interface WallClock {
  readonly fault: ClockFault;
  /** Whole milliseconds since the epoch, as the machine believes. */
  at(worldMs: number, sinceBootMs: number): number;
}

/** `driftMs`: how far a drifting clock is off. */
export function wallClock(fault: ClockFault, driftMs: number): WallClock {
  const offBy = (ms: number): WallClock => ({ fault, at: (worldMs) => WORLD_BEGINS_MS + worldMs + ms });
  switch (fault) {
    case 'right':
      return offBy(0);
    case 'drifting':
      return offBy(driftMs);
    case 'day-ahead':
      return offBy(DAY_MS + MINUTE_MS);
    case 'day-behind':
      return offBy(-DAY_MS - MINUTE_MS);
    case 'month-ahead':
      return offBy(40 * DAY_MS);
    case 'since-1970':
      // No battery: it counts from the boot.
      return { fault, at: (_worldMs, sinceBootMs) => Math.floor(sinceBootMs) };
    default:
      return fault satisfies never;
  }
}
