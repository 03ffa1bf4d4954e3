import { useSyncExternalStore } from 'react';

/** Where the frame of the page puts its navigation away: the width at which Cloudscape does. */
const NARROW = '(max-width: 688px)';

function subscribe(onChange: () => void): () => void {
  const query = matchMedia(NARROW);
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
}

/** Whether the window is narrow, also when it changes. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => matchMedia(NARROW).matches);
}
