import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { API_PREFIX, Settings } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { NotAllowed } from '../../parts/not-allowed.tsx';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { asked } from '../../api/ask.ts';
import { factsOf } from './facts.ts';

const words = texts.settings.configuration;

/** As the control plane was started, to be looked at. */
export function Configuration({ mayRead }: { readonly mayRead: boolean }) {
  const client = useClient();
  const { data, error, refetch } = useQuery({
    queryKey: ['settings'],
    queryFn: (context) => client.get(`${API_PREFIX}/settings`, Settings, asked(context)),
    enabled: mayRead,
  });
  return (
    <Container
      header={
        <Header variant="h2" description={words.description}>
          {words.title}
        </Header>
      }
    >
      {!mayRead && <NotAllowed title={words.notAllowed} how={words.notAllowedHow} />}
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      {mayRead && data === undefined && error === null && <Spinner size="large" />}
      {data !== undefined && <Facts settings={data} />}
    </Container>
  );
}

function Facts({ settings }: { readonly settings: Settings }) {
  return (
    <SpaceBetween size="l">
      {settings.scriptKeyPresent && (
        <Alert type="warning" header={words.scriptKey}>
          {words.scriptKeyHow}
        </Alert>
      )}
      {factsOf(settings).map(({ title, facts }) => (
        <SpaceBetween key={title} size="xs">
          <Box variant="h3">{title}</Box>
          <KeyValuePairs
            columns={3}
            items={facts.map(({ label, value }) => ({
              label,
              value: typeof value === 'string' ? value : <When at={value.at} />,
            }))}
          />
        </SpaceBetween>
      ))}
    </SpaceBetween>
  );
}
