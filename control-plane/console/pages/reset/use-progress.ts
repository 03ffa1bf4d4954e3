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
import type * as z from 'zod';
import type { Client } from '../../api/client.ts';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import type { ResetMemory } from '../../parts/reset/memory.ts';
import type { SentTargets } from '../../parts/reset/sent.ts';
import { followReset, type FollowPorts, type Hearing } from './follow.ts';
import { createProgressStore, type Progress, type ProgressStore, type Snapshot } from './progress.ts';

export interface Watched {
  readonly store: ProgressStore;
  readonly snapshot: Snapshot;
  readonly hearing: Hearing;
  /** Why nothing is heard; null while something is. */
  readonly trouble: unknown;
}

/** A reset as it goes, for as long as the page is open. `sent` and `memory` stay the same. */
export function useProgress(id: ResetId, sent: SentTargets | null, memory: ResetMemory): Watched {
  const client = useClient();
  const [hearing, setHearing] = useState<Hearing>('connecting');
  const [trouble, setTrouble] = useState<unknown>(null);
  const store = useMemo(() => {
    // Identities count as known from their first proven success on. Where the browser keeps nothing they stay unknown.
    const onProven = (seen: readonly KnownInstance[]): void => void memory.pins.learn(seen);
    return createProgressStore({ sent, verify: verifyEd25519, onProven, server: location.origin, after });
  }, [sent, memory]);
  useEffect(() => {
    const onProgress = (progress: Progress): void => {
      setTrouble(null);
      detach(takeAll(store, progress, () => everything(client, id)));
    };
    const ports: FollowPorts = {
      openStream: (handlers) => openStream(id, handlers),
      poll: () => everything(client, id),
      after,
    };
    return followReset(ports, { onProgress, onHearing: setHearing, onTrouble: setTrouble });
  }, [client, id, store]);
  const snapshot = useSyncExternalStore(store.subscribe, store.snapshot);
  return { store, snapshot, hearing, trouble };
}

/** The end is believed only as far as every task is known: a stream may have been cut short. */
async function takeAll(store: ProgressStore, progress: Progress, ask: () => Promise<Progress>): Promise<void> {
  await store.take(progress);
  if (progress.finished && store.rows().length < progress.counts.total) await store.take(await ask());
}

function openStream(id: ResetId, handlers: Parameters<FollowPorts['openStream']>[0]) {
  const source = new EventSource(`${API_PREFIX}/resets/${id}/events`);
  source.addEventListener('progress', ({ data }: MessageEvent<string>) => handlers.onProgress(data));
  source.addEventListener('error', () => handlers.onError());
  return source;
}

async function everything(client: Client, id: ResetId): Promise<Progress> {
  const path = `${API_PREFIX}/resets/${id}`;
  // The reset first: if it is finished by then, the tasks that come after are final.
  const { counts, state, finishedAt } = await client.get(path, Reset, { attended: false });
  const tasks: Task[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({ limit: String(PAGE_ROWS_MAX), ...(cursor === '' ? {} : { cursor }) });
    const page: z.output<typeof TaskPage> = await client.get(`${path}/tasks?${query.toString()}`, TaskPage, {
      attended: false,
    });
    tasks.push(...page.items);
    cursor = page.nextCursor;
  }
  return { counts, state, finished: finishedAt !== null, tasks };
}

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
