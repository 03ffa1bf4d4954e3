import { API_PREFIX, ServiceStatement } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { asked } from '../../api/ask.ts';
import { useClient } from '../../api/context.ts';

/** What is authorised where online reset is enabled. */
export function useStatement() {
  const client = useClient();
  return useQuery({
    queryKey: ['service-statement'],
    queryFn: (context) => client.get(`${API_PREFIX}/service-statement`, ServiceStatement, asked(context)),
  });
}
