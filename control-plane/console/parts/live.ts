import { API_PREFIX, ConsoleSignIn } from '#protocol';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { followChanges } from '../api/changes.ts';
import type { Client } from '../api/client.ts';
import { useClient } from '../api/context.ts';
import { ApiFailure } from '../api/failure.ts';
import { useSession } from '../api/session.ts';
import { after, openEvents, type Hearing } from '../api/stream.ts';
import { detach } from './detach.ts';
import { useShown } from './shown.ts';

const ANSWER_MS_MAX = 10_000;

/**
 * Hears of changes for as long as the page is shown and somebody is signed in, and has what they are about asked for
 * again.
 */
export function useLiveChanges(): Hearing {
  const client = useClient();
  const queries = useQueryClient();
  const { isLost } = useSession();
  const isShown = useShown();
  const wasStopped = useRef(false);
  const [hearing, setHearing] = useState<Hearing>('connecting');
  useEffect(() => {
    if (isLost || !isShown) return;
    const stop = followChanges(
      {
        openStream: (handlers) => openEvents(`${API_PREFIX}/changes`, 'changed', handlers),
        after,
        ask: (onAnswer) => detach(isAnswered(client).then(onAnswer)),
      },
      {
        onChanged: (kinds) => {
          for (const kind of [...kinds, 'overview']) detach(queries.invalidateQueries({ queryKey: [kind] }));
        },
        onMissed: () => detach(queries.invalidateQueries()),
        onHearing: setHearing,
      },
      wasStopped.current,
    );
    return () => {
      wasStopped.current = true;
      stop();
    };
  }, [client, queries, isLost, isShown]);
  return hearing;
}

async function isAnswered(client: Client): Promise<boolean> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  try {
    await client.get(`${API_PREFIX}/console/session`, ConsoleSignIn, { attended: false, signal });
    return true;
  } catch (error) {
    // That nothing is heard is shown already, and an ended session too; anything else is a defect.
    if (!(error instanceof ApiFailure) && !signal.aborted) reportError(error);
    return false;
  }
}
