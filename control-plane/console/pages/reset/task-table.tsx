import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { API_PREFIX, TaskPage, TaskState, verifyEd25519, type ResetId } from '#protocol';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { memo, useCallback, useMemo, useRef, useSyncExternalStore } from 'react';
import { useSearchParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import type { SentTargets } from '../../parts/reset/sent.ts';
import { texts } from '../../texts/index.ts';
import { COLUMNS } from './columns.tsx';
import type { ProgressStore } from './progress.ts';
import { newerOf, rowOf, type Row } from './row.ts';
import { queryOf, viewOf, type TaskView } from './view.ts';

const words = texts.reset.progress;
const ROWS = 50;

interface Props {
  readonly id: ResetId;
  readonly sent: SentTargets | null;
  readonly store: ProgressStore;
  readonly total: number;
}

/** One page of the tasks, filtered and cut by the control plane; what was heard since is shown at once. */
export function TaskTable({ id, sent, store, total }: Props) {
  const [query, setQuery] = useSearchParams();
  const { state, cursor } = viewOf(query);
  const view = useMemo(() => ({ state, cursor }), [state, cursor]);
  const page = useTaskPage(id, sent, view);
  const show = useCallback((next: TaskView): void => setQuery(queryOf(next)), [setQuery]);
  const rows = useNewest(page.data?.rows ?? NONE, store);
  return (
    <SpaceBetween size="s">
      {page.error !== null && <FailureAlert error={page.error} onRetry={() => detach(page.refetch())} />}
      <Rows {...{ rows, view, total, show }} next={page.data?.nextCursor ?? null} isLoading={page.isPending} />
    </SpaceBetween>
  );
}

const NONE: readonly Row[] = [];

/** The same array for as long as none of its rows has changed, whatever happens to the thousands of others. */
function useNewest(rows: readonly Row[], store: ProgressStore): readonly Row[] {
  const shown = useRef(rows);
  return useSyncExternalStore(store.subscribe, () => {
    const newest = rows.map((row) => newerOf(row, store.row(row.instanceId)));
    const before = shown.current;
    const isSame = before.length === newest.length && newest.every((row, at) => row === before[at]);
    if (!isSame) shown.current = newest;
    return shown.current;
  });
}

interface RowsProps {
  readonly rows: readonly Row[];
  readonly view: TaskView;
  readonly total: number;
  readonly next: string | null;
  readonly isLoading: boolean;
  readonly show: (view: TaskView) => void;
}

/** Made anew only when something in it has changed: that is what it costs to show a table. */
const Rows = memo(function Rows({ rows, view, total, next, isLoading, show }: RowsProps) {
  return (
    <Table<Row>
      header={
        <Header variant="h2" counter={counterOf({ rows, view, total, next })}>
          {words.tasks}
        </Header>
      }
      filter={<Filter view={view} onChange={show} />}
      items={rows}
      trackBy="instanceId"
      loading={isLoading}
      loadingText={texts.loading}
      wrapLines
      empty={<Box textAlign="center">{words.empty}</Box>}
      columnDefinitions={COLUMNS}
      footer={
        (next !== null || view.cursor !== null) && (
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={view.cursor === null} onClick={() => show({ ...view, cursor: null })}>
              {words.first}
            </Button>
            <Button disabled={next === null} onClick={() => show({ ...view, cursor: next })}>
              {words.next}
            </Button>
          </SpaceBetween>
        )
      }
    />
  );
});

/** Of all where all are shown; of those that the filter leaves, as far as one page tells how many they are. */
function counterOf({ rows, view, total, next }: Pick<RowsProps, 'rows' | 'view' | 'total' | 'next'>): string {
  if (view.state === null) return words.count(total);
  const isWhole = view.cursor === null && next === null;
  return isWhole ? words.countOf(rows.length, total) : words.countFiltered(total);
}

function useTaskPage(id: ResetId, sent: SentTargets | null, view: TaskView) {
  const client = useClient();
  return useQuery({
    // Begins with the kind that changes are told of: while something happens, the page is asked for once a second.
    queryKey: ['resets', id, 'tasks', view],
    queryFn: async ({ signal }) => {
      const query = queryOf(view);
      query.set('limit', String(ROWS));
      const path = `${API_PREFIX}/resets/${id}/tasks?${query.toString()}`;
      const { items, nextCursor } = await client.get(path, TaskPage, { attended: false, signal });
      return { rows: await Promise.all(items.map((task) => rowOf(task, sent, verifyEd25519))), nextCursor };
    },
    placeholderData: keepPreviousData,
  });
}

const ALL = { value: '', label: words.all };
const OPTIONS = [ALL, ...TaskState.options.map((value) => ({ value, label: words.taskStates[value] }))];

function Filter({ view, onChange }: { readonly view: TaskView; readonly onChange: (view: TaskView) => void }) {
  return (
    <FormField label={words.filter}>
      <Select
        options={OPTIONS}
        selectedOption={OPTIONS.find(({ value }) => value === view.state) ?? ALL}
        onChange={({ detail }) => {
          const state = TaskState.safeParse(detail.selectedOption.value).data ?? null;
          onChange({ state, cursor: null });
        }}
      />
    </FormField>
  );
}
