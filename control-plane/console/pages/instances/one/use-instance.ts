import { API_PREFIX, AuditPage, ChangeInstance, Instance, ResetPage } from '#protocol';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient, type Query } from '@tanstack/react-query';
import type * as z from 'zod';
import { useClient } from '../../../api/context.ts';
import { detach } from '../../../parts/detach.ts';
import { asked } from '../../../api/ask.ts';

const ROWS = 25;

export function useInstance(nameOrId: string) {
  const client = useClient();
  return useQuery({
    queryKey: ['instances', 'one', nameOrId],
    queryFn: (context) =>
      client.get(`${API_PREFIX}/instances/${encodeURIComponent(nameOrId)}`, Instance, asked(context)),
  });
}

/** What one listing holds of an instance, the newest first; older rows when they are asked for. */
function useOlder<S extends z.ZodType<{ items: readonly unknown[]; nextCursor: string | null }>>(
  key: readonly string[],
  path: string,
  params: Readonly<Record<string, string>>,
  schema: S,
) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: key,
    queryFn: (context) => {
      const query = new URLSearchParams({ ...params, limit: String(ROWS) });
      if (context.pageParam !== null) query.set('cursor', context.pageParam);
      return client.get(`${API_PREFIX}/${path}?${query.toString()}`, schema, asked(context));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
  });
}

export function useAudit(id: string, action?: string) {
  const params = { resource: `instance:${id}`, ...(action === undefined ? {} : { action }) };
  return useOlder(['instances', 'audit', id, action ?? ''], 'audit', params, AuditPage);
}

export function useResets(id: string) {
  return useOlder(['resets', 'of-instance', id], 'resets', { instance: id }, ResetPage);
}

export function useChange(instance: Instance, onChanged: (changed: Instance) => void) {
  const client = useClient();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: ChangeInstance) =>
      client.send('PATCH', `${API_PREFIX}/instances/${instance.id}`, Instance, { body }),
    onSuccess: (changed) => {
      queries.setQueryData(['instances', 'one', changed.name], changed);
      onChanged(changed);
      // Under its old name there is nothing to ask for any more.
      const isThere = ({ queryKey }: Query) => changed.name === instance.name || queryKey[2] !== instance.name;
      detach(queries.invalidateQueries({ queryKey: ['instances'], predicate: isThere }));
    },
  });
}
