import { API_PREFIX, InstancePage } from '#protocol';
import { keepPreviousData, useQuery, useQueryClient, type QueryFunctionContext } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useSearchParams } from 'wouter';
import type * as z from 'zod';
import { useClient } from '../../../api/context.ts';
import { asked } from '../../../api/ask.ts';
import { listParams, readView, writeView, type ListView, type Look } from './view.ts';
import { placeOf } from './walk.ts';

/** A page of the list, and what was asked for when it came. */
export interface ShownPage extends z.infer<typeof InstancePage> {
  readonly view: ListView;
}

const NARROW = '(max-width: 688px)';

/** What one sees, as the URL says it; and a way to see something else. */
export function useListView(): readonly [ListView, (next: ListView) => void] {
  const [params, setParams] = useSearchParams();
  const usualLook: Look = matchMedia(NARROW).matches ? 'cards' : 'table';
  const show = useCallback((next: ListView) => setParams(writeView(next, usualLook)), [setParams, usualLook]);
  return [readView(params, usualLook), show];
}

/** A page beyond the end of the listing. */
const NO_PAGE = { items: [], nextCursor: null };

/** The page of that view, and the one before it until it is there. */
export function useInstancePage(view: ListView) {
  const client = useClient();
  const queries = useQueryClient();
  const params = listParams(view).toString();
  const keyOf = (page: number) => ['instances', 'page', params, view.size, page];
  const queryFn = async (context: QueryFunctionContext): Promise<ShownPage> => {
    const how = asked(context);
    const list = async (limit: number, after: string | null, more: Record<string, string> = {}) => {
      const query = new URLSearchParams({ ...more, limit: String(limit) });
      if (after !== null) query.set('cursor', after);
      return client.get(`${API_PREFIX}/instances?${params}&${query.toString()}`, InstancePage, how);
    };
    const before = queries.getQueryData<ShownPage>(keyOf(view.page - 1))?.nextCursor ?? view.after;
    const after = view.page === 1 ? null : (before ?? (await placeOf(view.page, view.size, list)));
    const page = after === undefined ? NO_PAGE : await list(view.size, after, { count: 'true', lastReset: 'true' });
    return { ...page, view };
  };
  return useQuery({ queryKey: keyOf(view.page), queryFn, placeholderData: keepPreviousData });
}
