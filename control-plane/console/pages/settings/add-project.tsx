import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { ProjectName } from '#protocol';
import { useState } from 'react';
import { FailureAlert } from '../../parts/failure.tsx';
import { texts } from '../../texts/index.ts';
import { useServiceChange } from './use-service-change.ts';

const words = texts.settings.add;
const FORM = 'add-project';

interface Properties {
  readonly existing: readonly ProjectName[];
  readonly onClose: () => void;
}

/** Makes a project, in which online reset is disabled. */
export function AddProjectDialog({ existing, onClose }: Properties) {
  const [name, setName] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const change = useServiceChange(onClose);
  const submit = (): void => {
    const project = ProjectName.safeParse(name.trim()).data;
    // To say again of one that is there that it is disabled would disable it.
    const isTaken = project !== undefined && existing.includes(project);
    setProblem(isTaken ? words.taken : project === undefined ? words.wrong : null);
    if (project !== undefined && !isTaken) change.mutate({ project, change: { enabled: false } });
  };
  return (
    <Modal
      visible
      onDismiss={onClose}
      header={words.title}
      footer={
        <SpaceBetween direction="horizontal" size="xs">
          <Button variant="link" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button variant="primary" form={FORM} formAction="submit" loading={change.isPending}>
            {words.submit}
          </Button>
        </SpaceBetween>
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
          {change.error !== null && <FailureAlert error={change.error} />}
          <Box variant="p">{words.what}</Box>
          <FormField label={words.name} description={words.nameHow} errorText={problem}>
            <Input value={name} autoFocus autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
          </FormField>
        </SpaceBetween>
      </form>
    </Modal>
  );
}
