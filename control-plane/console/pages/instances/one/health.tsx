import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import type { Instance } from '#protocol';
import { AgentStateIndicator } from '../../../parts/agent-state.tsx';
import { When } from '../../../parts/when.tsx';
import { texts } from '../../../texts/index.ts';
import { componentRows, historyRows, spanText, type ComponentRow, type HistoryRow } from './health-rows.ts';
import { OlderTable } from './older.tsx';
import { useAudit } from './use-instance.ts';

const words = texts.instances.health;

/** How each part of its agent is, and how the whole of it was. */
export function HealthTab({ instance }: { readonly instance: Instance }) {
  return (
    <SpaceBetween size="l">
      <Components rows={componentRows(instance)} />
      <History id={instance.id} />
    </SpaceBetween>
  );
}

function Components({ rows }: { readonly rows: readonly ComponentRow[] }) {
  return (
    <Table<ComponentRow>
      header={<Header variant="h2">{words.title}</Header>}
      ariaLabels={{ tableLabel: words.title }}
      items={rows}
      trackBy="name"
      wrapLines
      empty={<Box textAlign="center">{words.none}</Box>}
      columnDefinitions={[
        { id: 'component', header: words.component, cell: ({ name }) => words.names[name], isRowHeader: true },
        { id: 'state', header: words.state, minWidth: 110, cell: ({ isOk }) => <ComponentState isOk={isOk} /> },
        { id: 'since', header: words.since, minWidth: 120, cell: ({ since }) => <When at={since} /> },
        { id: 'what', header: words.what, minWidth: 200, cell: (row) => <What row={row} /> },
        { id: 'remedy', header: words.remedy, minWidth: 200, cell: ({ remedy }) => remedy ?? texts.instances.none },
      ]}
    />
  );
}

function ComponentState({ isOk }: { readonly isOk: boolean }) {
  return (
    <StatusIndicator type={isOk ? 'success' : 'error'} wrapText={false}>
      {isOk ? words.ok : words.failing}
    </StatusIndicator>
  );
}

function What({ row: { isOk, message, detail, since } }: { readonly row: ComponentRow }) {
  if (isOk) return <>{texts.instances.none}</>;
  return (
    <>
      {message}
      {detail !== null && (
        <Box variant="small" display="block">
          <bdi>{detail}</bdi>
        </Box>
      )}
      {since === null && (
        <Box variant="small" display="block">
          {words.notYet}
        </Box>
      )}
    </>
  );
}

function History({ id }: { readonly id: string }) {
  const query = useAudit(id, 'agent.state');
  const rows = historyRows(query.data?.pages.flatMap(({ items }) => items) ?? []);
  return (
    <OlderTable<HistoryRow>
      title={words.history}
      description={words.historyHow}
      empty={words.noHistory}
      query={query}
      items={rows}
      trackBy={({ sequence }) => String(sequence)}
      columnDefinitions={[
        { id: 'when', header: words.when, minWidth: 190, cell: ({ at }) => <When at={at} />, isRowHeader: true },
        { id: 'to', header: words.state, minWidth: 130, cell: ({ to }) => <AgentStateIndicator state={to} /> },
        {
          id: 'lasted',
          header: words.lasted,
          cell: ({ lastedMs }) => (lastedMs === null ? words.until : spanText(lastedMs)),
        },
        { id: 'why', header: words.why, minWidth: 160, cell: ({ reason }) => reason?.message ?? texts.instances.none },
        {
          id: 'remedy',
          header: words.remedy,
          minWidth: 200,
          cell: ({ reason }) => reason?.remedy ?? texts.instances.none,
        },
      ]}
    />
  );
}
