import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { API_PREFIX, Reset, ResetId } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { browserMemory } from '../../parts/reset/memory.ts';
import { texts } from '../../texts/index.ts';
import { NotFound } from '../../parts/not-found.tsx';
import { Actions } from './actions.tsx';
import { Facts } from './facts.tsx';
import { Standing } from './standing.tsx';
import { TaskTable } from './task-table.tsx';
import { useProgress } from './use-progress.ts';

const words = texts.reset.progress;

/** How one reset goes: where each instance stands, what was proven, what is to be done. */
export default function ResetPage() {
  const { id } = useParams<{ id: string }>();
  const resetId = ResetId.safeParse(id).data;
  return resetId === undefined ? <NotFound /> : <Loading key={resetId} id={resetId} />;
}

function Loading({ id }: { readonly id: ResetId }) {
  const client = useClient();
  const { data, error, refetch } = useQuery({
    queryKey: ['resets', id],
    queryFn: ({ signal }) => client.get(`${API_PREFIX}/resets/${id}`, Reset, { attended: false, signal }),
  });
  if (data !== undefined) return <Loaded reset={data} />;
  return (
    <ContentLayout header={<Header variant="h1">{words.title}</Header>}>
      {error === null ? <Spinner size="large" /> : <FailureAlert error={error} onRetry={() => detach(refetch())} />}
    </ContentLayout>
  );
}

function Loaded({ reset }: { readonly reset: Reset }) {
  const { id } = reset;
  const memory = useMemo(browserMemory, []);
  const sent = useMemo(() => memory.sent.load(id), [memory, id]);
  const { store, snapshot, hearing, trouble } = useProgress(id, sent, memory);
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={id}
          actions={<Actions reset={reset} store={store} snapshot={snapshot} sent={sent} />}
        >
          {words.titleOf(reset.account)}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {trouble !== null && <FailureAlert error={trouble} />}
        <Standing reset={reset} snapshot={snapshot} hearing={hearing} isProvable={sent !== null} />
        <TaskTable id={id} sent={sent} store={store} total={(snapshot.counts ?? reset.counts).total} />
        <Facts reset={reset} />
      </SpaceBetween>
    </ContentLayout>
  );
}
