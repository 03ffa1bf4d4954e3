import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { API_PREFIX, RevokedTokens, type Token } from '#protocol';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import * as z from 'zod';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureAlert } from '../../parts/failure.tsx';
import { texts } from '../../texts/index.ts';

const words = texts.access.revoke;

interface Properties {
  readonly token: Token;
  readonly isOwn: boolean;
  readonly onClose: () => void;
  readonly onRevoked: (count: number) => void;
}

/** Takes a token back, and on demand all that was made with it. */
export function RevokeDialog({ token, isOwn, onClose, onRevoked }: Properties) {
  const client = useClient();
  const queries = useQueryClient();
  // One that is worthless already is only opened for those that were made with it.
  const [descendants, setDescendants] = useState(token.revokedAt !== null);
  const path = `${API_PREFIX}/tokens/${token.id}`;
  const revoke = useMutation({
    mutationFn: async () => {
      if (descendants) return (await client.send('DELETE', `${path}?descendants=true`, RevokedTokens)).revoked.length;
      await client.send('DELETE', path, z.undefined());
      return 1;
    },
    onSuccess: (count) => {
      onRevoked(count);
      detach(queries.invalidateQueries({ queryKey: ['tokens'] }));
    },
  });
  return (
    <Dialog
      title={words.title(token.name === '' ? texts.access.tokens.unnamed : token.name)}
      onClose={onClose}
      buttons={
        <>
          <Button variant="link" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button variant="primary" loading={revoke.isPending} onClick={() => revoke.mutate()}>
            {words.submit}
          </Button>
        </>
      }
    >
      <SpaceBetween size="m">
        {revoke.error !== null && <FailureAlert error={revoke.error} />}
        <Box variant="p">{words.what}</Box>
        {isOwn && <Alert type="warning">{words.own}</Alert>}
        <Checkbox
          checked={descendants}
          description={words.descendantsHow}
          onChange={({ detail }) => setDescendants(detail.checked)}
        >
          {words.descendants}
        </Checkbox>
      </SpaceBetween>
    </Dialog>
  );
}
