import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { API_PREFIX, AuditPage, type AuditRecord } from '#protocol';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { pageQuery, readCursor, withCursor } from '../../parts/cursor.ts';
import { CursorPages } from '../../parts/cursor-pages.tsx';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { PageNotAllowed } from '../../parts/not-allowed.tsx';
import { useRights } from '../../parts/rights.ts';
import { texts } from '../../texts/index.ts';
import { asked } from '../../api/ask.ts';
import { columnsOf } from './columns.tsx';
import { ExportControl } from './export.tsx';
import { filterQuery, isFiltered, readFilter, writeFilter, type AuditFilter } from './filter.ts';
import { FilterForm } from './form.tsx';

const words = texts.audit;
const ROWS = 50;

/** Who did what: found by action, resource, actor and time, and taken along as a file. */
export default function AuditPageView() {
  if (useRights().readAudit) return <Audit />;
  return <PageNotAllowed page={words.title} title={words.notAllowed} how={words.notAllowedHow} />;
}

function Audit() {
  const client = useClient();
  const [params, setParams] = useSearchParams();
  const filter = readFilter(params);
  const after = readCursor(params);
  const { data, error, isFetching, isPending, refetch } = useQuery({
    queryKey: ['audit', writeFilter(filter).toString(), after],
    queryFn: (context) => {
      const query = `${filterQuery(filter, Date.now()).toString()}&${pageQuery(ROWS, after).toString()}`;
      return client.get(`${API_PREFIX}/audit?${query}`, AuditPage, asked(context));
    },
    placeholderData: keepPreviousData,
    // Nobody tells of new records: it is looked again whenever somebody comes.
    staleTime: 0,
  });
  const show = (next: AuditFilter): void => setParams(writeFilter(next));
  return (
    <SpaceBetween size="m">
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      <Records
        records={data?.items ?? []}
        {...{ filter, after, isBusy: isFetching, isLoading: isPending }}
        next={data?.nextCursor ?? null}
        onShow={show}
        onRefresh={() => detach(refetch())}
        onGo={(to) => setParams(withCursor(params, to))}
      />
    </SpaceBetween>
  );
}

interface RecordsProperties {
  readonly records: readonly AuditRecord[];
  readonly filter: AuditFilter;
  readonly after: string | null;
  readonly next: string | null;
  readonly isBusy: boolean;
  readonly isLoading: boolean;
  readonly onShow: (filter: AuditFilter) => void;
  readonly onRefresh: () => void;
  readonly onGo: (after: string | null) => void;
}

function Records({ records, filter, after, next, isBusy, isLoading, onShow, onRefresh, onGo }: RecordsProperties) {
  const [exportSlot, setExportSlot] = useState<React.ReactNode>(null);
  return (
    <Table<AuditRecord>
      variant="full-page"
      header={
        <SpaceBetween size="s">
          <Header
            variant="h1"
            description={words.description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={texts.refresh} loading={isBusy} onClick={onRefresh} />
                <ExportControl filter={filter} onStatus={setExportSlot} />
              </SpaceBetween>
            }
          >
            {words.title}
          </Header>
          {exportSlot}
        </SpaceBetween>
      }
      filter={<FilterForm key={writeFilter(filter).toString()} filter={filter} onApply={onShow} />}
      items={records}
      trackBy={({ sequence }) => String(sequence)}
      loading={isLoading}
      loadingText={texts.loading}
      wrapLines
      empty={<Nothing {...{ filter, after, onShow }} />}
      pagination={<CursorPages {...{ after, next, label: words.title, onGo }} />}
      columnDefinitions={columnsOf((only) => onShow({ ...filter, ...only }))}
    />
  );
}

function Nothing({ filter, after, onShow }: Pick<RecordsProperties, 'filter' | 'after' | 'onShow'>) {
  if (after !== null) return <Box textAlign="center">{words.older}</Box>;
  if (!isFiltered(filter)) return <Box textAlign="center">{words.none}</Box>;
  return (
    <Box textAlign="center" padding="l">
      <SpaceBetween size="s">
        <Box variant="strong">{words.noMatch}</Box>
        <Button onClick={() => onShow({ action: '', resource: '', actor: '', since: null })}>{words.clear}</Button>
      </SpaceBetween>
    </Box>
  );
}
