const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A span for people: `840 ms`, `4.2 s`, `3 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(spanMs: number): string {
  if (spanMs < SECOND_MS) return `${Math.round(spanMs)} ms`;
  if (spanMs < MINUTE_MS) return `${(spanMs / SECOND_MS).toFixed(1)} s`;
  if (spanMs < HOUR_MS) return two(spanMs, MINUTE_MS, 'min', SECOND_MS, 's');
  if (spanMs < DAY_MS) return two(spanMs, HOUR_MS, 'h', MINUTE_MS, 'min');
  return two(spanMs, DAY_MS, 'd', HOUR_MS, 'h');
}

function two(spanMs: number, largeMs: number, large: string, smallMs: number, small: string): string {
  return `${Math.floor(spanMs / largeMs)} ${large} ${Math.floor((spanMs % largeMs) / smallMs)} ${small}`;
}

/** A moment in UTC to the second, or a dash. */
export function timeText(atMs: number | null): string {
  return atMs === null ? '-' : `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

const UNITS: Readonly<Record<string, number>> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** Milliseconds behind `90s`, `15m`, `1h`, `30d`; null for other text. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unitMs = UNITS[match?.[2] ?? ''];
  return match?.[1] === undefined || unitMs === undefined ? null : Number(match[1]) * unitMs;
}

/** Tags for a cell: `a=1 b=2`. */
export function tagsText(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** `1 instance`, `2 instances`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
