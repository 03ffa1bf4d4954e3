import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { API_PREFIX, type Instance } from '#protocol';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import * as z from 'zod';
import { useClient } from '../../../api/context.ts';
import { useFirstField } from '../../../parts/first-field.ts';
import { detach } from '../../../parts/detach.ts';
import { Dialog } from '../../../parts/dialog.tsx';
import { FailureAlert } from '../../../parts/failure.tsx';
import { texts } from '../../../texts/index.ts';

const words = texts.instances.remove;

interface Properties {
  readonly instance: Instance;
  readonly onDismiss: () => void;
  readonly onRemoved: () => void;
}

/** Removes an instance for good. Where an agent would lose its place, the name has to be typed. */
export function RemoveDialog({ instance, onDismiss, onRemoved }: Properties) {
  const client = useClient();
  const queries = useQueryClient();
  const [typed, setTyped] = useState('');
  const first = useFirstField();
  const hasAgent = instance.agent.identity !== null;
  const mayRemove = !hasAgent || typed.trim() === instance.name;
  const remove = useMutation({
    mutationFn: () => client.send('DELETE', `${API_PREFIX}/instances/${instance.id}`, z.undefined()),
    onSuccess: () => {
      queries.removeQueries({ queryKey: ['instances', 'one'] });
      onRemoved();
      detach(queries.invalidateQueries({ queryKey: ['instances'] }));
    },
  });
  return (
    <Dialog
      title={words.title(instance.name)}
      onClose={onDismiss}
      buttons={
        <>
          <Button variant="link" onClick={onDismiss}>
            {texts.instances.actions.cancel}
          </Button>
          <Button
            variant="primary"
            form="remove-instance"
            formAction="submit"
            disabled={!mayRemove}
            loading={remove.isPending}
          >
            {words.remove}
          </Button>
        </>
      }
    >
      <form
        id="remove-instance"
        onSubmit={(event) => {
          event.preventDefault();
          if (mayRemove) remove.mutate();
        }}
      >
        <SpaceBetween size="m">
          {remove.error !== null && <FailureAlert error={remove.error} />}
          <Box variant="p">{words.what}</Box>
          {hasAgent && (
            <>
              <Alert type="warning">{words.agent}</Alert>
              <FormField label={words.type(instance.name)}>
                <Input
                  value={typed}
                  ref={first}
                  autoComplete={false}
                  onChange={({ detail }) => setTyped(detail.value)}
                />
              </FormField>
            </>
          )}
        </SpaceBetween>
      </form>
    </Dialog>
  );
}
