import { QueryClient } from '@tanstack/react-query';
import { ApiFailure } from './failure.ts';

const RETRIES_MAX = 2;

/** What was asked for, kept until it changes. Keys of what `ChangeEvent` tells of begin with the kind that it names. */
export function createQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Changes are heard of; see `parts/live.ts`.
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (count, error) => count < RETRIES_MAX && isPassing(error),
      },
      mutations: { retry: false },
    },
  });
}

/** Whether trying again may help. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiFailure && (error.status === 0 || error.status >= 500);
}
