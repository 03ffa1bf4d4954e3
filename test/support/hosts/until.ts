/** How long and how often to ask; every wait in the host tests has a deadline, and none is a fixed sleep. */
export interface UntilOptions {
  /** What is awaited, as the end of "gave up waiting for …". A function is asked when the deadline has passed. */
  readonly what: string | (() => string);
  readonly deadlineMs: number;
  /** Pause between two tries. */
  readonly everyMs?: number;
}

/** Asks `probe` until it answers something other than `undefined` or `false`; throws when the deadline has passed. */
export async function until<T>(
  probe: () => T | Promise<T>,
  options: UntilOptions,
): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + options.deadlineMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (performance.now() > end) {
      const what = typeof options.what === 'string' ? options.what : options.what();
      throw new Error(`gave up after ${String(options.deadlineMs)} ms waiting for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 50));
  }
}
