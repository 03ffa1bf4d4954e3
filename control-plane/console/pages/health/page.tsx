import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table from '@cloudscape-design/components/table';
import { AgentState, API_PREFIX, Overview, type AgentChange } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { useClient } from '../../api/context.ts';
import { AgentStateIndicator } from '../../parts/agent-state.tsx';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { InstanceOrRemoved } from '../../parts/instance-link.tsx';
import { PageLink } from '../../parts/page-link.tsx';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { Attention } from './attention.tsx';
import { Days } from './days.tsx';
import { figure } from '../../texts/words.ts';

const words = texts.health;

/** The first page: the state of every agent at a glance, and what to do about those that are not well. */
export default function HealthPage() {
  const client = useClient();
  const { data, error, refetch } = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => client.get(`${API_PREFIX}/overview`, Overview, { attended: false, signal }),
  });
  return (
    <ContentLayout header={<Header variant="h1">{words.title}</Header>}>
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      {data === undefined ? error === null && <Spinner size="large" /> : <Everything overview={data} />}
    </ContentLayout>
  );
}

function Everything({ overview }: { readonly overview: Overview }) {
  const instances = STATES.reduce((sum, state) => sum + overview.agents[state], 0);
  return (
    <SpaceBetween size="l">
      {instances === 0 && (
        <Alert type="info" header={words.noInstances}>
          <PageLink to="/install">{words.addFirst}</PageLink>
        </Alert>
      )}
      <States agents={overview.agents} />
      <Attention overview={overview} />
      <Grid gridDefinition={[{ colspan: { default: 12, m: 7 } }, { colspan: { default: 12, m: 5 } }]}>
        <Resets days={overview.resets} />
        <Changes changes={overview.changes} />
      </Grid>
      <Grid gridDefinition={[{ colspan: { default: 12, m: 6 } }, { colspan: { default: 12, m: 6 } }]}>
        <Versions versions={overview.versions} />
        <ControlPlane controlPlane={overview.controlPlane} />
      </Grid>
    </SpaceBetween>
  );
}

/** Those that need somebody first stand where the eye begins. */
const STATES: readonly AgentState[] = [
  'abnormal',
  'install-failed',
  'offline',
  'installing',
  'not-installed',
  'running',
];

function States({ agents }: { readonly agents: Overview['agents'] }) {
  return (
    <Container header={<Header variant="h2">{words.agents}</Header>}>
      <ColumnLayout columns={AgentState.options.length} minColumnWidth={130}>
        {STATES.map((state) => (
          <div key={state}>
            <Box variant="div">
              <AgentStateIndicator state={state} />
            </Box>
            {agents[state] === 0 ? (
              <Box variant="awsui-value-large">0</Box>
            ) : (
              <Count state={state} count={agents[state]} />
            )}
          </div>
        ))}
      </ColumnLayout>
    </Container>
  );
}

/** Leads to those that it counts. */
function Count({ state, count }: { readonly state: AgentState; readonly count: number }) {
  return (
    <PageLink isFigure to={`/instances?state=${state}`} label={words.show(count, texts.agentStates[state])}>
      {figure(count)}
    </PageLink>
  );
}

/** As many as stand beside the chart; the audit has all. */
const CHANGES_SHOWN_MAX = 8;

function Changes({ changes }: { readonly changes: readonly AgentChange[] }) {
  const { columns } = words;
  return (
    <Table<AgentChange>
      header={<Header variant="h2">{words.changes}</Header>}
      ariaLabels={{ tableLabel: words.changes }}
      items={changes.slice(0, CHANGES_SHOWN_MAX)}
      variant="container"
      wrapLines
      empty={<Box textAlign="center">{words.noChanges}</Box>}
      columnDefinitions={[
        { id: 'when', header: columns.when, cell: ({ at }) => <When at={at} /> },
        {
          id: 'instance',
          header: columns.instance,
          cell: ({ instance, instanceId }) => <InstanceOrRemoved name={instance} id={instanceId} />,
          isRowHeader: true,
        },
        {
          id: 'state',
          header: columns.state,
          cell: ({ from, to }) => words.change(texts.agentStates[from], texts.agentStates[to]),
        },
      ]}
    />
  );
}

function Resets({ days }: { readonly days: Overview['resets'] }) {
  const isEmpty = days.every(({ succeeded, failed, unknown }) => succeeded + failed + unknown === 0);
  return (
    <Container header={<Header variant="h2">{words.resets}</Header>} fitHeight>
      {isEmpty ? <Box textAlign="center">{words.noResets}</Box> : <Days days={days} />}
    </Container>
  );
}

function Versions({ versions }: { readonly versions: Overview['versions'] }) {
  return (
    <Container header={<Header variant="h2">{words.versions}</Header>} fitHeight>
      <KeyValuePairs
        columns={2}
        items={versions.map(({ version, instances }) => ({ label: version ?? words.unknownVersion, value: instances }))}
      />
    </Container>
  );
}

const MEBIBYTE = 1024 * 1024;

function ControlPlane({ controlPlane }: { readonly controlPlane: Overview['controlPlane'] }) {
  return (
    <Container header={<Header variant="h2">{words.service}</Header>} fitHeight>
      <KeyValuePairs
        columns={2}
        items={[
          { label: words.version, value: controlPlane.version },
          { label: words.upSince, value: <When at={controlPlane.startedAt} /> },
          { label: words.delay, value: words.milliseconds(controlPlane.eventLoopDelayMsMax) },
          { label: words.memory, value: words.mebibytes(Math.round(controlPlane.residentBytes / MEBIBYTE)) },
        ]}
      />
    </Container>
  );
}
