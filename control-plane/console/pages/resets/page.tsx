import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { API_PREFIX, ResetPage, type Reset } from '#protocol';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { pageQuery, readCursor, withCursor } from '../../parts/cursor.ts';
import { CursorPages } from '../../parts/cursor-pages.tsx';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { PageLink } from '../../parts/page-link.tsx';
import { resetPath } from '../../parts/paths.ts';
import { ResetState } from '../../parts/reset-state.tsx';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { asked } from '../../api/ask.ts';
import { countsOf } from './row.ts';
import { nameOfActor } from '../../parts/actor.ts';

const words = texts.resets;
const ROWS = 25;

/** Every reset that was started, newest first; each leads to its own page. */
export default function ResetsPage() {
  const client = useClient();
  const [params, setParams] = useSearchParams();
  const after = readCursor(params);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['resets', 'page', after],
    queryFn: (context) =>
      client.get(`${API_PREFIX}/resets?${pageQuery(ROWS, after).toString()}`, ResetPage, asked(context)),
    placeholderData: keepPreviousData,
  });
  return (
    <SpaceBetween size="m">
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      <Table<Reset>
        variant="full-page"
        header={
          <Header variant="h1" description={words.description}>
            {words.title}
          </Header>
        }
        items={data?.items ?? []}
        trackBy="id"
        loading={isPending}
        loadingText={texts.loading}
        wrapLines
        empty={<Nothing isFirst={after === null} />}
        pagination={
          <CursorPages
            {...{ after, next: data?.nextCursor ?? null, label: words.title }}
            onGo={(to) => setParams(withCursor(params, to))}
          />
        }
        columnDefinitions={COLUMNS}
      />
    </SpaceBetween>
  );
}

function Nothing({ isFirst }: { readonly isFirst: boolean }) {
  if (!isFirst) return <Box textAlign="center">{words.older}</Box>;
  return (
    <Box textAlign="center" padding="l">
      <Box variant="strong">{words.none}</Box>
      <Box variant="p">{words.noneHow}</Box>
      <PageLink to="/instances">{words.instances}</PageLink>
    </Box>
  );
}

const { columns } = words;

const COLUMNS: TableProps<Reset>['columnDefinitions'] = [
  {
    id: 'requested',
    minWidth: 130,
    header: columns.requested,
    isRowHeader: true,
    cell: ({ id, requestedAt }) => (
      <PageLink to={resetPath(id)}>
        <When at={requestedAt} />
      </PageLink>
    ),
  },
  { id: 'state', header: columns.state, minWidth: 150, cell: (reset) => <Stand reset={reset} /> },
  { id: 'account', header: columns.account, cell: ({ account }) => <bdi>{account ?? words.defaultAccount}</bdi> },
  { id: 'counts', header: columns.counts, cell: ({ counts }) => countsOf(counts).join(', ') },
  {
    id: 'by',
    header: columns.by,
    cell: ({ requestedBy }) => <bdi title={requestedBy}>{nameOfActor(requestedBy)}</bdi>,
  },
  { id: 'mode', header: columns.mode, cell: ({ mode }) => words.modes[mode] },
  { id: 'finished', header: columns.finished, cell: ({ finishedAt }) => <When at={finishedAt} /> },
];

function Stand({ reset }: { readonly reset: Reset }) {
  return (
    <>
      <ResetState reset={reset} />
      {reset.retryOf !== null && <Box variant="small">{words.retry}</Box>}
    </>
  );
}
