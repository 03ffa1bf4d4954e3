/** How many tasks had come to an end at some moment. */
export interface Sample {
  /** Milliseconds, monotonic. */
  readonly at: number;
  readonly done: number;
}

/** What happened before this says nothing about now. */
const WINDOW_MS = 60_000;
/** Less than this says nothing at all. */
const SPAN_MS_MIN = 1_000;

/** The samples of the last minute with this one. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...samples.filter(({ at }) => at >= sample.at - WINDOW_MS && at < sample.at), sample];
}

export interface Pace {
  /** Tasks that come to an end in a second. */
  readonly perSecond: number;
  /** Until all have, if it goes on like this. */
  readonly leftMs: number;
}

/** Null while nothing can be said. */
export function paceOf(samples: readonly Sample[], pending: number): Pace | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return null;
  const [done, spanMs] = [last.done - first.done, last.at - first.at];
  if (done <= 0 || spanMs < SPAN_MS_MIN) return null;
  return { perSecond: (done / spanMs) * 1_000, leftMs: (pending / done) * spanMs };
}
