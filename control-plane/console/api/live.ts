import { API_PREFIX, ChangeEvent } from '#protocol';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { detach } from '../parts/detach.ts';

export type Connection = 'live' | 'connecting' | 'lost';

/** Nothing heard for so long, comments included, means that the connection is gone, whatever the browser believes. */
const LOST_AFTER_MS = 10_000;

/** Hears of changes for as long as the page is open, and has what they are about asked for again. */
export function useLiveChanges(): Connection {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');
  useEffect(() => {
    let lost: ReturnType<typeof setTimeout> | null = null;
    let wasLost = false;
    const source = new EventSource(`${API_PREFIX}/changes`);
    const onOpen = (): void => {
      if (lost !== null) clearTimeout(lost);
      lost = null;
      setConnection('live');
      // What happened in between nobody has told.
      if (wasLost) detach(queries.invalidateQueries());
      wasLost = false;
    };
    const onError = (): void => {
      wasLost = true;
      setConnection((before) => (before === 'lost' ? before : 'connecting'));
      lost ??= setTimeout(() => setConnection('lost'), LOST_AFTER_MS);
    };
    const onChanged = ({ data }: MessageEvent<string>): void => {
      const { changed } = ChangeEvent.parse(JSON.parse(data));
      for (const kind of changed) detach(queries.invalidateQueries({ queryKey: [kind] }));
      detach(queries.invalidateQueries({ queryKey: ['overview'] }));
    };
    source.addEventListener('open', onOpen);
    source.addEventListener('error', onError);
    source.addEventListener('changed', onChanged);
    return () => {
      if (lost !== null) clearTimeout(lost);
      source.close();
    };
  }, [queries]);
  return connection;
}
