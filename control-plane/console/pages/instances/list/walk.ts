import { PAGE_ROWS_MAX } from '#protocol';

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** Asks for `limit` rows after a place; null is the beginning. */
export type List<T> = (limit: number, after: string | null) => Promise<Page<T>>;

/**
 * Where a page begins that nobody has been to: a listing knows the way only from where one is. Null is the beginning,
 * undefined that the listing ends before.
 */
export async function placeOf<T>(page: number, size: number, list: List<T>): Promise<string | null | undefined> {
  let after: string | null = null;
  let rest = (page - 1) * size;
  while (rest > 0) {
    const limit = Math.min(PAGE_ROWS_MAX, rest);
    const { nextCursor }: Page<T> = await list(limit, after);
    if (nextCursor === null) return undefined;
    after = nextCursor;
    rest -= limit;
  }
  return after;
}

/** All of a listing up to `max`, page by page; `more` when there would have been others. Rejects when it is stopped. */
export async function collect<T>(
  list: List<T>,
  options: { readonly max: number; readonly signal: AbortSignal; readonly onProgress: (items: number) => void },
): Promise<{ items: T[]; more: boolean }> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    options.signal.throwIfAborted();
    const page: Page<T> = await list(Math.min(PAGE_ROWS_MAX, options.max - items.length), after);
    items.push(...page.items);
    after = page.nextCursor;
    options.onProgress(items.length);
  } while (after !== null && items.length < options.max);
  options.signal.throwIfAborted();
  return { items, more: after !== null };
}
