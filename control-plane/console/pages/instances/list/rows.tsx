import Button from '@cloudscape-design/components/button';
import Cards from '@cloudscape-design/components/cards';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { InstanceSort, type Instance } from '#protocol';
import { useMemo, type ReactNode } from 'react';
import { texts } from '../../../texts/index.ts';
import { CELLS } from '../columns.tsx';
import { choose, type Selection } from './selection.ts';
import { COLUMNS, fromTheTop, type Column, type ListView } from './view.ts';

const words = texts.instances;

export interface RowsProperties {
  readonly view: ListView;
  readonly items: readonly Instance[];
  readonly isLoading: boolean;
  readonly selection: Selection;
  readonly header: ReactNode;
  readonly filter: ReactNode;
  readonly pagination: ReactNode;
  readonly preferences: ReactNode;
  readonly empty: ReactNode;
  readonly onShow: (view: ListView) => void;
  readonly onSelect: (selection: Selection) => void;
  /** Null where nobody may; then there is nothing to choose instances for. */
  readonly onReset: ((instance: Instance) => void) | null;
}

type Definition = TableProps.ColumnDefinition<Instance>;

/** Names can be cut and are never broken; a row stays one line high. */
const WIDTHS: Partial<Record<Column, Pick<Definition, 'minWidth' | 'maxWidth'>>> = {
  name: { minWidth: 140, maxWidth: 260 },
  project: { maxWidth: 160 },
  tags: { maxWidth: 240 },
  version: { maxWidth: 140 },
};

function sortOf(column: Column): InstanceSort | null {
  return InstanceSort.safeParse(column).data ?? null;
}

function ResetButton({
  instance,
  onReset,
}: {
  readonly instance: Instance;
  readonly onReset: (instance: Instance) => void;
}) {
  return (
    <Button
      variant="inline-link"
      wrapText={false}
      ariaLabel={words.actions.resetOf(instance.name)}
      onClick={() => onReset(instance)}
    >
      {words.actions.reset}
    </Button>
  );
}

function definitions(onReset: RowsProperties['onReset']): Definition[] {
  const shown = COLUMNS.map((id): Definition => {
    const sortingField = sortOf(id);
    return {
      id,
      header: words.columns[id],
      cell: CELLS[id],
      isRowHeader: id === 'name',
      ...WIDTHS[id],
      ...(sortingField === null ? {} : { sortingField }),
    };
  });
  if (onReset === null) return shown;
  const [name, ...others] = shown;
  const actions: Definition = {
    id: 'actions',
    header: words.columns.actions,
    minWidth: 140,
    cell: (instance) => <ResetButton instance={instance} onReset={onReset} />,
  };
  // Beside the name, where no width of the window hides it.
  return [...(name === undefined ? [] : [name]), actions, ...others];
}

/** What is selected of the page that one sees: tables and cards know of no other. */
function onPage({ items, selection }: RowsProperties): Instance[] {
  return items.filter(({ id }) => selection.has(id));
}

export function InstanceTable(properties: RowsProperties) {
  const { view, items, isLoading, selection, onShow, onSelect, onReset } = properties;
  const columns = useMemo(() => definitions(onReset), [onReset]);
  const sorted = columns.find(({ sortingField }) => sortingField === view.sort);
  return (
    <Table<Instance>
      columnDefinitions={columns}
      columnDisplay={[
        { id: 'name', visible: true },
        { id: 'actions', visible: onReset !== null },
        ...COLUMNS.filter((id) => id !== 'name').map((id) => ({ id, visible: view.columns.includes(id) })),
      ]}
      items={items}
      // By place and not by id: another page changes the words in the rows that are there, and draws none anew.
      trackBy={(item) => String(items.indexOf(item))}
      loading={isLoading}
      loadingText={texts.loading}
      stickyHeader
      contentDensity="compact"
      {...(onReset === null ? {} : { selectionType: 'multi' as const })}
      selectedItems={onPage(properties)}
      onSelectionChange={({ detail }) => onSelect(choose(selection, items, detail.selectedItems))}
      {...(sorted === undefined ? {} : { sortingColumn: sorted })}
      sortingDescending={view.order === 'desc'}
      onSortingChange={({ detail }) => {
        const sort = InstanceSort.safeParse(detail.sortingColumn.sortingField).data ?? 'name';
        onShow(fromTheTop(view, { sort, order: detail.isDescending === true ? 'desc' : 'asc' }));
      }}
      ariaLabels={{
        tableLabel: words.title,
        selectionGroupLabel: words.select.group,
        allItemsSelectionLabel: () => words.select.all,
        itemSelectionLabel: (_, { name }) => words.select.one(name),
      }}
      header={properties.header}
      filter={properties.filter}
      pagination={properties.pagination}
      preferences={properties.preferences}
      empty={properties.empty}
    />
  );
}

export function InstanceCards(properties: RowsProperties) {
  const { view, items, isLoading, selection, onSelect, onReset } = properties;
  const sections = useMemo(
    () => [
      ...COLUMNS.filter((id) => id !== 'name').map((id) => ({
        id,
        header: words.columns[id],
        content: CELLS[id],
        width: 50,
      })),
      ...(onReset === null
        ? []
        : [
            {
              id: 'actions',
              header: words.columns.actions,
              content: (instance: Instance) => <ResetButton instance={instance} onReset={onReset} />,
            },
          ]),
    ],
    [onReset],
  );
  return (
    <Cards<Instance>
      cardDefinition={{ header: CELLS.name, sections }}
      visibleSections={[...view.columns, 'actions']}
      cardsPerRow={[{ cards: 1 }, { minWidth: 600, cards: 2 }, { minWidth: 1000, cards: 3 }]}
      items={items}
      trackBy="id"
      loading={isLoading}
      loadingText={texts.loading}
      {...(onReset === null ? {} : { selectionType: 'multi' as const })}
      selectedItems={onPage(properties)}
      onSelectionChange={({ detail }) => onSelect(choose(selection, items, detail.selectedItems))}
      ariaLabels={{
        cardsLabel: words.title,
        selectionGroupLabel: words.select.group,
        itemSelectionLabel: (_, { name }) => words.select.one(name),
      }}
      header={properties.header}
      filter={properties.filter}
      pagination={properties.pagination}
      preferences={properties.preferences}
      empty={properties.empty}
    />
  );
}
