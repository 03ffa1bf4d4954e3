import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import FormField from '@cloudscape-design/components/form-field';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import type { ProjectName, ServiceStatement } from '#protocol';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { texts } from '../../texts/index.ts';
import { detach } from '../detach.ts';
import { Dialog } from '../dialog.tsx';
import { FailureAlert } from '../failure.tsx';
import { useServiceChange } from './use-service-change.ts';

const words = texts.settings.statement;

interface Properties {
  readonly statement: UseQueryResult<ServiceStatement>;
  /** For which it is to be accepted; null to read it only. */
  readonly project: ProjectName | null;
  readonly onClose: () => void;
  /** After it was closed, because online reset is enabled now. */
  readonly onEnabled?: () => void;
}

/** The service statement, to be read, and to be accepted for a project. */
export function StatementDialog({ statement, project, onClose, onEnabled }: Properties) {
  const [isAccepted, setAccepted] = useState(false);
  const [isMissing, setMissing] = useState(false);
  const change = useServiceChange(() => {
    onClose();
    onEnabled?.();
  });
  const { data, error, refetch } = statement;
  const enable = (): void => {
    setMissing(!isAccepted);
    if (isAccepted && project !== null && data !== undefined) {
      change.mutate({ project, change: { enabled: true, statementVersion: data.version } });
    }
  };
  return (
    <Dialog
      title={project === null ? words.title : words.enable(project)}
      onClose={onClose}
      size="large"
      buttons={
        <>
          <Button variant={project === null ? 'primary' : 'link'} onClick={onClose}>
            {project === null ? words.close : words.cancel}
          </Button>
          {project !== null && (
            <Button variant="primary" loading={change.isPending} disabled={data === undefined} onClick={enable}>
              {words.submit}
            </Button>
          )}
        </>
      }
    >
      <SpaceBetween size="m">
        {change.error !== null && <FailureAlert error={change.error} />}
        {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
        {data === undefined ? error === null && <Spinner size="large" /> : <Statement statement={data} />}
        {project !== null && data !== undefined && (
          <FormField errorText={isMissing && !isAccepted ? words.mustAccept : null}>
            <Checkbox checked={isAccepted} onChange={({ detail }) => setAccepted(detail.checked)}>
              {words.accept}
            </Checkbox>
          </FormField>
        )}
      </SpaceBetween>
    </Dialog>
  );
}

function Statement({ statement: { version, text } }: { readonly statement: ServiceStatement }) {
  // Lines were broken for terminals; paragraphs are parted by empty lines.
  const paragraphs = text.trim().split(/\n\s*\n/);
  return (
    <div>
      <Box variant="small">{words.version(version)}</Box>
      {paragraphs.map((paragraph) => (
        <Box key={paragraph} variant="p">
          {paragraph.replaceAll('\n', ' ')}
        </Box>
      ))}
    </div>
  );
}
