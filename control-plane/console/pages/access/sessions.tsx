import Alert from '@cloudscape-design/components/alert';
import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { API_PREFIX, ConsoleSessionPage, type ConsoleSession } from '#protocol';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { pageQuery, readCursor, withCursor } from '../../parts/cursor.ts';
import { CursorPages } from '../../parts/cursor-pages.tsx';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { asked } from '../../api/ask.ts';
import { EndDialog } from './end.tsx';

const words = texts.access.sessions;
const ROWS = 25;

/** Browsers that are signed in, the own one marked. */
export function Sessions({ ofAll }: { readonly ofAll: boolean }) {
  const client = useClient();
  const [params, setParams] = useSearchParams();
  const after = readCursor(params, 'sessions');
  const [ending, setEnding] = useState<ConsoleSession | 'others' | null>(null);
  const [ended, setEnded] = useState<number | null>(null);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['tokens', 'sessions', after],
    queryFn: (context) => {
      const query = pageQuery(ROWS, after).toString();
      return client.get(`${API_PREFIX}/console/sessions?${query}`, ConsoleSessionPage, asked(context));
    },
    placeholderData: keepPreviousData,
  });
  const items = data?.items ?? [];
  return (
    <SpaceBetween size="s">
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      {ended !== null && (
        <Alert type="success" dismissible onDismiss={() => setEnded(null)}>
          {words.ended(ended)}
        </Alert>
      )}
      <Table<ConsoleSession>
        header={
          <Header
            variant="h2"
            description={ofAll ? words.all : words.ownOnly}
            actions={<Button onClick={() => setEnding('others')}>{words.endOthers}</Button>}
          >
            {words.title}
          </Header>
        }
        items={items}
        trackBy="id"
        loading={isPending}
        loadingText={texts.loading}
        wrapLines
        empty={<Box textAlign="center">{after === null ? words.none : words.older}</Box>}
        pagination={
          <CursorPages
            {...{ after, next: data?.nextCursor ?? null, label: words.title }}
            onGo={(to) => setParams(withCursor(params, to, 'sessions'))}
          />
        }
        columnDefinitions={columnsOf(setEnding)}
      />
      {ending !== null && (
        <EndDialog
          which={ending}
          onClose={() => setEnding(null)}
          onEnded={(count) => {
            setEnding(null);
            setEnded(count);
          }}
        />
      )}
    </SpaceBetween>
  );
}

function columnsOf(onEnd: (session: ConsoleSession) => void): TableProps<ConsoleSession>['columnDefinitions'] {
  const { columns } = words;
  return [
    {
      id: 'holder',
      header: columns.holder,
      isRowHeader: true,
      cell: ({ tokenName, current }) => (
        <>
          <bdi>{tokenName}</bdi> {current && <Badge color="blue">{words.current}</Badge>}
        </>
      ),
    },
    { id: 'source', header: columns.source, cell: ({ source }) => <bdi>{source}</bdi> },
    { id: 'browser', header: columns.browser, minWidth: 160, cell: ({ browser }) => <bdi>{browser}</bdi> },
    { id: 'created', header: columns.created, minWidth: 120, cell: ({ createdAt }) => <When at={createdAt} /> },
    { id: 'used', header: columns.used, minWidth: 120, cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
    { id: 'ends', header: columns.ends, minWidth: 120, cell: ({ idleUntil }) => <When at={idleUntil} /> },
    {
      id: 'actions',
      header: columns.actions,
      cell: (session) =>
        session.current ? null : (
          <Button
            variant="inline-link"
            ariaLabel={words.endOf(session.tokenName, session.source)}
            onClick={() => onEnd(session)}
          >
            {words.end}
          </Button>
        ),
    },
  ];
}
