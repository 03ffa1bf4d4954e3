import { useSyncExternalStore } from 'react';

function subscribe(onChange: () => void): () => void {
  document.addEventListener('visibilitychange', onChange);
  return () => document.removeEventListener('visibilitychange', onChange);
}

/**
 * Whether anybody can see this tab. One that is behind others holds no stream: a browser has six connections to an origin
 * for all of its tabs together, and the seventh tab would wait for ever.
 */
export function useShown(): boolean {
  return useSyncExternalStore(subscribe, () => document.visibilityState === 'visible');
}
