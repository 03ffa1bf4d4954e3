import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { Instance } from '#protocol';
import { useCallback, useState } from 'react';
import { detach } from '../../../parts/detach.ts';
import { FailureAlert } from '../../../parts/failure.tsx';
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
import { useInstancePage, useListView } from './use-list.ts';
import { fromTheTop, listParams, type ListView } from './view.ts';

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
  const [view, show] = useListView();
  const { data, error, isPending, isPlaceholderData, refetch } = useInstancePage(view);
  const [selection, select] = useState<Selection>(NOTHING);
  const [open, setOpen] = useState<Open>({ is: 'nothing' });
  const onReset = useCallback((instance: Instance) => setOpen({ is: 'reset', selection: selectionOf([instance]) }), []);
  const items = data?.items ?? [];
  const total = data?.total ?? 0;
  const one = onlyOne(items, selection);
  const Rows = view.look === 'cards' ? InstanceCards : InstanceTable;
  return (
    <>
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      <SelectAll key={listParams(view).toString()} {...{ view, selection, total, page: items }} onSelect={select} />
      <Rows
        {...{ view, items, selection, onReset }}
        isLoading={isPending}
        onShow={show}
        onSelect={select}
        header={<ListHeader {...{ view, selection, total, one }} onShow={show} onOpen={setOpen} />}
        filter={
          <InstanceFilter
            filter={view.filter}
            total={data === undefined || isPlaceholderData ? null : total}
            onChange={(filter) => {
              // What one no longer sees must not be reset along with what one does.
              select(NOTHING);
              show(fromTheTop(view, { filter }));
            }}
          />
        }
        pagination={<Pages view={view} onShow={show} next={data?.nextCursor ?? null} />}
        preferences={<Preferences view={view} onShow={show} />}
        empty={<Empty view={view} onShow={show} />}
      />
      <Dialogs
        open={open}
        onClose={() => setOpen({ is: 'nothing' })}
        onRemoved={(gone) => select(without(selection, gone.id))}
      />
    </>
  );
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
  return (
    <Header
      variant="awsui-h1-sticky"
      counter={words.counter(selection.size, total)}
      actions={
        <SpaceBetween direction="horizontal" size="xs" alignItems="end">
          <LookControl view={view} onShow={onShow} />
          <Button
            disabled={one === null}
            disabledReason={actions.removeHow}
            onClick={() => one !== null && onOpen({ is: 'remove', instance: one })}
          >
            {actions.remove}
          </Button>
          <Button onClick={() => onOpen({ is: 'import' })}>{actions.import}</Button>
          <Button onClick={() => onOpen({ is: 'add' })}>{actions.add}</Button>
          <Button
            variant="primary"
            disabled={selection.size === 0}
            disabledReason={actions.resetHow}
            onClick={() => onOpen({ is: 'reset', selection })}
          >
            {actions.reset}
          </Button>
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
