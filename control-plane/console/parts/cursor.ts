const CURSOR_CHARS_MAX = 500;

/** Where the page begins that a URL names; null for the first. What no cursor can be is left out. */
export function readCursor(params: URLSearchParams, name = 'after'): string | null {
  const after = params.get(name);
  return after === null || after === '' || after.length > CURSOR_CHARS_MAX ? null : after;
}

/** The same URL with another page. */
export function withCursor(params: URLSearchParams, after: string | null, name = 'after'): URLSearchParams {
  const next = new URLSearchParams(params);
  if (after === null) next.delete(name);
  else next.set(name, after);
  return next;
}

/** The query of one page of a listing of the API. */
export function pageQuery(rows: number, after: string | null): URLSearchParams {
  const query = new URLSearchParams({ limit: String(rows) });
  if (after !== null) query.set('cursor', after);
  return query;
}
