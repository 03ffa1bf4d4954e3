import type { PageQuery } from '#protocol';
import type { Page, PageRequest } from '../store/store.ts';

/** A page of a listing as the API hands it out. */
export interface Listing<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** The store's page for a page of the API. */
export function pageRequest(query: PageQuery): PageRequest {
  return { limit: query.limit, after: query.cursor ?? null };
}

/** The API's page for a page of the store. */
export function listing<Row, Item>(page: Page<Row>, view: (row: Row) => Item): Listing<Item> {
  return { items: page.rows.map(view), nextCursor: page.next };
}
