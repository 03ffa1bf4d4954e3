import {
  API_PREFIX,
  Reset,
  TaskPage,
  verifyEd25519,
  PAGE_ROWS_MAX,
  type KnownInstance,
  type ResetId,
  type Task,
} from '#protocol';
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { Client } from '../../api/client.ts';
import { useClient } from '../../api/context.ts';
import { useSession } from '../../api/session.ts';
import { after, openEvents } from '../../api/stream.ts';
import { breathe } from '../../parts/breathe.ts';
import { detach } from '../../parts/detach.ts';
import type { ResetMemory } from '../../parts/reset/memory.ts';
import type { SentTargets } from '../../parts/reset/sent.ts';
import { useShown } from '../../parts/shown.ts';
import { followReset, type FollowPorts, type ResetHearing } from './follow.ts';
import { createProgressStore, type Progress, type ProgressStore, type Snapshot } from './progress.ts';

export interface Watched {
  readonly store: ProgressStore;
  readonly snapshot: Snapshot;
  readonly hearing: ResetHearing;
  /** Why nothing is heard; null while something is. */
  readonly trouble: unknown;
}

/** A reset as it goes, for as long as the page is open. `sent` and `memory` stay the same. */
export function useProgress(id: ResetId, sent: SentTargets | null, memory: ResetMemory): Watched {
  const client = useClient();
  const { isLost } = useSession();
  const isShown = useShown();
  const [hearing, setHearing] = useState<ResetHearing>('connecting');
  const [trouble, setTrouble] = useState<unknown>(null);
  const store = useMemo(() => {
    // Identities count as known from their first proven success on. Where the browser keeps nothing they stay unknown.
    const onProven = (seen: readonly KnownInstance[]): void => void memory.pins.learn(seen);
    return createProgressStore({ sent, verify: verifyEd25519, onProven, server: location.origin, after, breathe });
  }, [sent, memory]);
  useEffect(() => {
    // Until somebody has signed in again nothing would be answered; and nobody sees it in a tab behind others.
    if (isLost || !isShown) return;
    const onProgress = (progress: Progress): void => {
      setTrouble(null);
      detach(takeAll(store, progress, () => everything(client, id)));
    };
    const ports: FollowPorts = {
      openStream: (handlers) => openEvents(`${API_PREFIX}/resets/${id}/events`, 'progress', handlers),
      poll: () => everything(client, id),
      after,
    };
    return followReset(ports, { onProgress, onHearing: setHearing, onTrouble: setTrouble });
  }, [client, id, store, isLost, isShown]);
  const snapshot = useSyncExternalStore(store.subscribe, store.snapshot);
  return { store, snapshot, hearing, trouble };
}

/** The end is believed only as far as every task is known: a stream may have been cut short. */
async function takeAll(store: ProgressStore, progress: Progress, ask: () => Promise<Progress>): Promise<void> {
  await store.take(progress);
  if (progress.finished && store.rows().length < progress.counts.total) await store.take(await ask());
}

async function everything(client: Client, id: ResetId): Promise<Progress> {
  const path = `${API_PREFIX}/resets/${id}`;
  // The reset first: if it is finished by then, the tasks that come after are final.
  const { counts, state, finishedAt } = await client.get(path, Reset, { attended: false });
  const tasks: Task[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({ limit: String(PAGE_ROWS_MAX), ...(cursor === '' ? {} : { cursor }) });
    const page: TaskPage = await client.get(`${path}/tasks?${query.toString()}`, TaskPage, {
      attended: false,
    });
    tasks.push(...page.items);
    cursor = page.nextCursor;
  }
  return { counts, state, finished: finishedAt !== null, tasks };
}
