import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { API_PREFIX, EndedConsoleSessions, type ConsoleSession, type ConsoleSessionId } from '#protocol';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import * as z from 'zod';
import type { Client } from '../../api/client.ts';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureAlert } from '../../parts/failure.tsx';
import { texts } from '../../texts/index.ts';

const words = texts.access.sessions;
const PATH = `${API_PREFIX}/console/sessions`;

interface Properties {
  readonly which: ConsoleSession | 'others';
  readonly onClose: () => void;
  readonly onEnded: (count: number) => void;
}

/** Ends one session, or all but the own one. */
export function EndDialog({ which, onClose, onEnded }: Properties) {
  const client = useClient();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => (which === 'others' ? endOthers(client) : endOne(client, which.id)),
    onSuccess: onEnded,
    // Also after a failure: whose answer was lost may have ended them.
    onSettled: () => detach(queries.invalidateQueries({ queryKey: ['tokens', 'sessions'] })),
  });
  const isOne = which !== 'others';
  return (
    <Dialog
      title={isOne ? words.ask(which.tokenName) : words.askOthers}
      onClose={onClose}
      buttons={
        <>
          <Button variant="link" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button variant="primary" loading={end.isPending} onClick={() => end.mutate()}>
            {isOne ? words.end : words.endOthers}
          </Button>
        </>
      }
    >
      <SpaceBetween size="m">
        {end.error !== null && <FailureAlert error={end.error} />}
        <Box variant="p">{isOne ? words.askHow : words.askOthersHow}</Box>
      </SpaceBetween>
    </Dialog>
  );
}

/** How many have ended. */
async function endOthers(client: Client): Promise<number> {
  return (await client.send('DELETE', `${PATH}?others=true`, EndedConsoleSessions)).ended;
}

async function endOne(client: Client, id: ConsoleSessionId): Promise<number> {
  await client.send('DELETE', `${PATH}/${id}`, z.undefined());
  return 1;
}
