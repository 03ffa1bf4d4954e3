import type { QueryFunctionContext } from '@tanstack/react-query';

interface Asked {
  readonly attended: boolean;
  readonly signal: AbortSignal;
}

/**
 * How a page asks. For what is asked the first time somebody has gone there; what is asked again the page asks by itself,
 * and a page that was left open keeps no session alive.
 */
export function asked({ client, queryKey, signal }: QueryFunctionContext): Asked {
  return { attended: client.getQueryData(queryKey) === undefined, signal };
}
