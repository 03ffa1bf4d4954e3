import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { AddProject, API_PREFIX, Project, ProjectName } from '#protocol';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { useFirstField } from '../../parts/first-field.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureAlert } from '../../parts/failure.tsx';
import { texts } from '../../texts/index.ts';

const words = texts.settings.add;
const FORM = 'add-project';

/** Makes a project, in which online reset is disabled. */
export function AddProjectDialog({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const first = useFirstField();
  const [problem, setProblem] = useState<string | null>(null);
  const add = useAddProject(onClose);
  const submit = (): void => {
    const project = ProjectName.safeParse(name.trim()).data;
    setProblem(project === undefined ? words.wrong : null);
    if (project !== undefined) add.mutate({ name: project });
  };
  return (
    <Dialog
      title={words.title}
      onClose={onClose}
      buttons={
        <>
          <Button variant="link" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button variant="primary" form={FORM} formAction="submit" loading={add.isPending}>
            {words.submit}
          </Button>
        </>
      }
    >
      <form
        id={FORM}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <SpaceBetween size="m">
          {add.error !== null && <FailureAlert error={add.error} />}
          <Box variant="p">{words.what}</Box>
          <FormField label={words.name} description={words.nameHow} errorText={problem}>
            <Input value={name} ref={first} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
          </FormField>
        </SpaceBetween>
      </form>
    </Dialog>
  );
}

/** One that is there already is refused by the control plane: a list that was read before may not know of it. */
function useAddProject(onDone: () => void) {
  const client = useClient();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: AddProject) => client.send('POST', `${API_PREFIX}/projects`, Project, { body }),
    onSuccess: () => {
      onDone();
      detach(queries.invalidateQueries({ queryKey: ['instances', 'projects'] }));
    },
  });
}
