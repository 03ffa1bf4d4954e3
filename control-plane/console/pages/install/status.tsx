import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Header from '@cloudscape-design/components/header';
import LiveRegion from '@cloudscape-design/components/live-region';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import { API_PREFIX, fingerprintOf, Instance, InstancePage, type InstanceName } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { ApiFailure } from '../../api/failure.ts';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { InstanceLink } from '../../parts/instance-link.tsx';
import { remedyOf } from '../../parts/remedy.ts';
import { texts } from '../../texts/index.ts';
import type { MadeLine } from './make-line.ts';
import { joinedSince, JOINED_MAX, phaseOf, type Phase } from './phases.ts';

const words = texts.install.status;

/** What becomes of the installation of one instance; also for who comes back later. */
export function NamedStatus({ name }: { readonly name: InstanceName }) {
  const client = useClient();
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['instances', 'install', name],
    queryFn: ({ signal }) => client.get(`${API_PREFIX}/instances/${name}`, Instance, { attended: false, signal }),
  });
  const isMissing = error instanceof ApiFailure && error.code === 'instance-not-found';
  return (
    <Status title={words.of(name)} isBusy={isFetching} onRefresh={() => detach(refetch())}>
      {isMissing && <Box>{words.missing}</Box>}
      {error !== null && !isMissing && <FailureAlert error={error} />}
      {data === undefined ? error === null && <Spinner /> : <Standing instance={data} />}
    </Status>
  );
}

/** Who has joined since the line was made. */
export function JoinedStatus({ made }: { readonly made: MadeLine }) {
  const client = useClient();
  const { project, uses } = made.wanted;
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['instances', 'install', project, made.since],
    queryFn: async ({ signal }) => {
      const query = `sort=createdAt&order=desc&limit=${JOINED_MAX.toString()}&project=${project}`;
      const page = await client.get(`${API_PREFIX}/instances?${query}`, InstancePage, { attended: false, signal });
      return joinedSince(page.items, made.since);
    },
  });
  const joined = data ?? [];
  return (
    <Status title={words.title} isBusy={isFetching} onRefresh={() => detach(refetch())}>
      {error !== null && <FailureAlert error={error} />}
      {joined.length === 0 && error === null && <PhaseIndicator phase="waiting" />}
      {joined.length > 0 && uses > 1 && <Box variant="small">{words.joined(joined.length)}</Box>}
      {joined.map((instance) => (
        <Standing key={instance.id} instance={instance} />
      ))}
    </Status>
  );
}

interface StatusProperties {
  readonly title: string;
  readonly isBusy: boolean;
  readonly children: React.ReactNode;
  readonly onRefresh: () => void;
}

function Status({ title, isBusy, children, onRefresh }: StatusProperties) {
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={words.how}
          actions={
            <Button iconName="refresh" ariaLabel={words.refresh} disabled={isBusy} onClick={onRefresh}>
              {words.refresh}
            </Button>
          }
        >
          {title}
        </Header>
      }
    >
      <SpaceBetween size="l">{children}</SpaceBetween>
    </Container>
  );
}

const TONES: Record<Phase, StatusIndicatorProps.Type> = {
  waiting: 'pending',
  installing: 'in-progress',
  running: 'success',
  failed: 'error',
  attention: 'warning',
};

function PhaseIndicator({ phase }: { readonly phase: Phase }) {
  // Said to who hears the page whenever it changes.
  return (
    <LiveRegion>
      <StatusIndicator type={TONES[phase]}>{words.phases[phase]}</StatusIndicator>
    </LiveRegion>
  );
}

function Standing({ instance: { name, agent } }: { readonly instance: Instance }) {
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="m">
        <InstanceLink name={name} />
        <PhaseIndicator phase={phaseOf(agent.state)} />
      </SpaceBetween>
      {agent.reasons.map(({ code, message, remedy, detail }) => (
        <Alert key={code} type={agent.state === 'running' ? 'info' : 'error'} header={message}>
          <Box variant="p">{remedyOf({ code, remedy })}</Box>
          {detail !== null && (
            <Box variant="p">
              <bdi>{detail}</bdi>
            </Box>
          )}
          <Box variant="small">{code}</Box>
        </Alert>
      ))}
      {agent.identity !== null && (
        <div>
          <Box variant="awsui-key-label">{words.fingerprint}</Box>
          <CopyToClipboard
            variant="inline"
            wrapText
            textToCopy={fingerprintOf(agent.identity)}
            copyButtonAriaLabel={words.copyFingerprint}
            copySuccessText={texts.install.line.copied}
            copyErrorText={texts.install.line.copyFailed}
          />
          <Box variant="small">{words.compare(name)}</Box>
        </div>
      )}
    </SpaceBetween>
  );
}
