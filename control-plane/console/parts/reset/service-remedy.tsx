import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { API_PREFIX, Project, ServiceStatement, type ProjectName } from '#protocol';
import { useState } from 'react';
import { useClient } from '../../api/context.ts';
import { texts } from '../../texts/index.ts';
import { FailureAlert } from '../failure.tsx';

const words = texts.reset.dialog;

interface Props {
  readonly project: ProjectName;
  readonly onEnabled: () => void;
}

type State =
  | { readonly is: 'closed' }
  | { readonly is: 'busy' }
  | { readonly is: 'reading'; readonly statement: ServiceStatement }
  | { readonly is: 'failed'; readonly error: unknown };

/** Online reset has to be enabled for a project by somebody who has read what that means. */
export function ServiceRemedy({ project, onEnabled }: Props) {
  const client = useClient();
  const [state, setState] = useState<State>({ is: 'closed' });
  const failed = (error: unknown): void => setState({ is: 'failed', error });
  const read = (): void => {
    setState({ is: 'busy' });
    client
      .get(`${API_PREFIX}/service-statement`, ServiceStatement)
      .then((statement) => setState({ is: 'reading', statement }), failed);
  };
  const accept = ({ version }: ServiceStatement): void => {
    setState({ is: 'busy' });
    const body = { enabled: true, statementVersion: version };
    client
      .send('PUT', `${API_PREFIX}/projects/${encodeURIComponent(project)}/service`, Project, { body })
      .then(onEnabled, failed);
  };
  switch (state.is) {
    case 'closed':
      return (
        <div>
          <Button formAction="none" variant="inline-link" onClick={read}>
            {words.remedies.service(project)}
          </Button>
        </div>
      );
    case 'busy':
      return <StatusIndicator type="loading">{texts.loading}</StatusIndicator>;
    case 'failed':
      return <FailureAlert error={state.error} onRetry={read} />;
    case 'reading':
      return (
        <SpaceBetween size="xs">
          {state.statement.text.split(/\n\s*\n/).map((paragraph) => (
            <Box key={paragraph} variant="p">
              {paragraph}
            </Box>
          ))}
          <SpaceBetween direction="horizontal" size="xs">
            <Button formAction="none" onClick={() => accept(state.statement)}>
              {words.service.accept(project)}
            </Button>
            <Button formAction="none" variant="link" onClick={() => setState({ is: 'closed' })}>
              {words.service.notNow}
            </Button>
          </SpaceBetween>
        </SpaceBetween>
      );
    default:
      return state satisfies never;
  }
}
