import * as z from 'zod';
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '#protocol';
import { InvalidCursorError, type Page } from './store.ts';

const CURSOR_CHARS_MAX = 500;

/**
 * The place in one listing: the key of the last row that was handed out, so that rows which come and go do not shift
 * the pages. `listing` keeps a cursor of one listing from being taken for that of another.
 */
export interface CursorCodec<K extends readonly unknown[]> {
  readonly encode: (key: K) => string;
  /** Throws `InvalidCursorError`. */
  readonly decode: (cursor: string) => K;
}

export function defineCursor<S extends z.ZodType<readonly unknown[]>>(
  listing: string,
  key: S,
): CursorCodec<z.infer<S>> {
  const whole = z.tuple([z.literal(listing), z.unknown()]);
  return {
    encode: (value) => toBase64Url(utf8(JSON.stringify([listing, value]))),
    decode: (cursor) => {
      if (cursor.length > CURSOR_CHARS_MAX) throw new InvalidCursorError('a cursor is not that long');
      try {
        return key.parse(whole.parse(JSON.parse(fromUtf8(fromBase64Url(cursor))))[1]);
      } catch (error) {
        throw new InvalidCursorError('this is no cursor of this listing', { cause: error });
      }
    },
  };
}

/** A page out of `limit + 1` rows: the surplus row tells that there are more. */
export function toPage<T>(rows: readonly T[], limit: number, cursorOf: (last: T) => string): Page<T> {
  if (rows.length <= limit) return { rows, next: null };
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { rows: kept, next: last === undefined ? null : cursorOf(last) };
}
