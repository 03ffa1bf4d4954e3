import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { Instance } from '#protocol';
import { memo, useCallback, useEffect, useMemo, useState } from 'react';
import { detach } from '../../../parts/detach.ts';
import { FailureAlert } from '../../../parts/failure.tsx';
import { useRights } from '../../../parts/rights.ts';
import { texts } from '../../../texts/index.ts';
import { AddDialog } from '../forms/add.tsx';
import { ImportDialog } from '../forms/import.tsx';
import { RemoveDialog } from '../forms/remove.tsx';
import { ResetPassword } from '../reset.tsx';
import { Empty, LookControl, onlyOne, Pages, Preferences } from './controls.tsx';
import { InstanceFilter } from './filter.tsx';
import { InstanceCards, InstanceTable } from './rows.tsx';
import { SelectAll } from './select-all.tsx';
import { NOTHING, selectionOf, without, type Selection } from './selection.ts';
import { useInstancePage, useListView, type ShownPage } from './use-list.ts';
import { COLUMNS, fromTheTop, listParams, type ListView } from './view.ts';

const words = texts.instances;

/** What is open over the list. */
type Open =
  | { readonly is: 'nothing' }
  | { readonly is: 'add' }
  | { readonly is: 'import' }
  | { readonly is: 'reset'; readonly selection: Selection }
  | { readonly is: 'remove'; readonly instance: Instance };

/** All instances: found among ten thousand, chosen, and acted on. */
export default function InstancesPage() {
  const [asked, show] = useListView();
  const { data, error, isPlaceholderData, refetch } = useInstancePage(asked);
  const [selection, select] = useState<Selection>(NOTHING);
  const [open, setOpen] = useState<Open>({ is: 'nothing' });
  const view = useShown(asked, data);
  return (
    <>
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      <SlowNotice isWaiting={isPlaceholderData} />
      <List page={data ?? null} hasFailed={error !== null} {...{ view, selection, show, select, setOpen }} />
      <Dialogs
        open={open}
        onClose={() => setOpen({ is: 'nothing' })}
        onRemoved={(gone) => select(without(selection, gone.id))}
      />
    </>
  );
}

/**
 * The view that the page which is there was asked for. What one has asked for since is shown when it comes: drawing
 * everything twice, once with the old rows, would take longer than the control plane takes to answer.
 */
function useShown(asked: ListView, page: ShownPage | undefined): ListView {
  const { look, columns } = asked;
  const shown = page?.view ?? asked;
  const names = columns.join();
  // Made anew with every URL; their names are what counts.
  return useMemo(
    () => ({ ...shown, look, columns: COLUMNS.filter((column) => names.split(',').includes(column)) }),
    [shown, look, names],
  );
}

interface ListProperties {
  readonly view: ListView;
  /** Null while none has come. */
  readonly page: ShownPage | null;
  readonly hasFailed: boolean;
  readonly selection: Selection;
  readonly show: (view: ListView) => void;
  readonly select: (selection: Selection) => void;
  readonly setOpen: (open: Open) => void;
}

const List = memo(function List({ view, page, hasFailed, selection, show, select, setOpen }: ListProperties) {
  const { reset } = useRights();
  const resetOne = useCallback(
    (instance: Instance) => setOpen({ is: 'reset', selection: selectionOf([instance]) }),
    [setOpen],
  );
  const onReset = reset ? resetOne : null;
  const items = page?.items ?? [];
  const total = page?.total ?? 0;
  const one = onlyOne(items, selection);
  const Rows = view.look === 'cards' ? InstanceCards : InstanceTable;
  return (
    <>
      <SelectAll key={listParams(view).toString()} {...{ view, selection, total, page: items }} onSelect={select} />
      <Rows
        {...{ view, items, selection, onReset }}
        isLoading={page === null && !hasFailed}
        onShow={show}
        onSelect={select}
        header={<ListHeader {...{ view, selection, total, one }} onShow={show} onOpen={setOpen} />}
        filter={
          <InstanceFilter
            filter={view.filter}
            total={page === null ? null : total}
            onChange={(filter) => {
              // What one no longer sees must not be reset along with what one does.
              select(NOTHING);
              show(fromTheTop(view, { filter }));
            }}
          />
        }
        pagination={<Pages view={view} onShow={show} next={page?.nextCursor ?? null} />}
        preferences={<Preferences view={view} onShow={show} />}
        empty={<Empty view={view} onShow={show} />}
      />
    </>
  );
});

/** How long a page may take before somebody wonders. */
const SLOW_AFTER_MS = 400;

function SlowNotice({ isWaiting }: { readonly isWaiting: boolean }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    if (!isWaiting) return;
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => {
      clearTimeout(timer);
      setSlow(false);
    };
  }, [isWaiting]);
  return <div role="status">{isSlow && <StatusIndicator type="loading">{texts.loading}</StatusIndicator>}</div>;
}

interface HeaderProperties {
  readonly view: ListView;
  readonly selection: Selection;
  readonly total: number;
  readonly one: Instance | null;
  readonly onShow: (view: ListView) => void;
  readonly onOpen: (open: Open) => void;
}

function ListHeader({ view, selection, total, one, onShow, onOpen }: HeaderProperties) {
  const { actions } = words;
  const rights = useRights();
  return (
    <Header
      variant="awsui-h1-sticky"
      counter={words.counter(selection.size, total)}
      actions={
        <SpaceBetween direction="horizontal" size="xs" alignItems="end">
          <LookControl view={view} onShow={onShow} />
          {rights.removeInstances && (
            <Button
              disabled={one === null}
              disabledReason={actions.removeHow}
              onClick={() => one !== null && onOpen({ is: 'remove', instance: one })}
            >
              {actions.remove}
            </Button>
          )}
          {rights.addInstances && <Button onClick={() => onOpen({ is: 'import' })}>{actions.import}</Button>}
          {rights.addInstances && <Button onClick={() => onOpen({ is: 'add' })}>{actions.add}</Button>}
          {rights.reset && (
            <Button
              variant="primary"
              disabled={selection.size === 0}
              disabledReason={actions.resetHow}
              onClick={() => onOpen({ is: 'reset', selection })}
            >
              {actions.reset}
            </Button>
          )}
        </SpaceBetween>
      }
    >
      {words.title}
    </Header>
  );
}

interface DialogProperties {
  readonly open: Open;
  readonly onClose: () => void;
  readonly onRemoved: (instance: Instance) => void;
}

function Dialogs({ open, onClose, onRemoved }: DialogProperties) {
  switch (open.is) {
    case 'nothing':
      return null;
    case 'add':
      return <AddDialog onDismiss={onClose} />;
    case 'import':
      return <ImportDialog onDismiss={onClose} />;
    case 'reset':
      return <ResetPassword instances={[...open.selection.values()]} onDismiss={onClose} />;
    case 'remove':
      return (
        <RemoveDialog
          instance={open.instance}
          onDismiss={onClose}
          onRemoved={() => {
            onRemoved(open.instance);
            onClose();
          }}
        />
      );
    default:
      return open satisfies never;
  }
}
