import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import CollectionPreferences from '@cloudscape-design/components/collection-preferences';
import Pagination from '@cloudscape-design/components/pagination';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { InstanceSort, type Instance } from '#protocol';
import { useLocation } from 'wouter';
import { texts } from '../../../texts/index.ts';
import { COLUMNS, fromTheTop, isFiltered, PAGE_SIZES, type ListView } from './view.ts';

const words = texts.instances;

interface Properties {
  readonly view: ListView;
  readonly onShow: (view: ListView) => void;
}

/** Forward from page to page, and back to every page before: a cursor knows no page that nobody has been to. */
export function Pages({ view, onShow, next }: Properties & { readonly next: string | null }) {
  return (
    <Pagination
      currentPageIndex={view.page}
      pagesCount={next === null ? view.page : view.page + 1}
      openEnd={next !== null}
      onChange={({ detail: { currentPageIndex: page } }) => {
        onShow({ ...view, page, after: page === view.page + 1 ? next : null });
      }}
    />
  );
}

export function Preferences({ view, onShow }: Properties) {
  return (
    <CollectionPreferences
      title={words.preferences.title}
      confirmLabel={words.preferences.confirm}
      cancelLabel={words.actions.cancel}
      preferences={{ pageSize: view.size, visibleContent: view.columns }}
      pageSizePreference={{
        title: words.preferences.size,
        options: PAGE_SIZES.map((value) => ({ value, label: words.preferences.sizeOption(value) })),
      }}
      visibleContentPreference={{
        title: words.preferences.columns,
        options: [
          {
            label: words.preferences.shown,
            options: COLUMNS.map((id) => ({ id, label: words.columns[id], editable: id !== 'name' })),
          },
        ],
      }}
      onConfirm={({ detail }) => {
        const size = detail.pageSize ?? view.size;
        const columns = COLUMNS.filter((id) => detail.visibleContent?.includes(id) ?? view.columns.includes(id));
        onShow(size === view.size ? { ...view, columns } : fromTheTop(view, { size, columns }));
      }}
    />
  );
}

/** Table or cards; cards have no headings to sort by, so their order is chosen here. */
export function LookControl({ view, onShow }: Properties) {
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="end">
      {view.look === 'cards' && <SortSelect view={view} onShow={onShow} />}
      <SegmentedControl
        label={words.look.label}
        selectedId={view.look}
        options={[
          { id: 'table', text: words.look.table },
          { id: 'cards', text: words.look.cards },
        ]}
        onChange={({ detail }) => onShow({ ...view, look: detail.selectedId === 'cards' ? 'cards' : 'table' })}
      />
    </SpaceBetween>
  );
}

const ORDERS = InstanceSort.options.flatMap((sort) =>
  (['asc', 'desc'] as const).map((order) => ({
    value: `${sort} ${order}`,
    label: `${words.sortedBy[sort]}, ${order === 'asc' ? words.ascending : words.descending}`,
    sort,
    order,
  })),
);

function SortSelect({ view, onShow }: Properties) {
  const selected = ORDERS.find(({ sort, order }) => sort === view.sort && order === view.order) ?? null;
  return (
    <Select
      ariaLabel={words.sort}
      selectedOption={selected}
      options={ORDERS}
      onChange={({ detail }) => {
        const chosen = ORDERS.find(({ value }) => value === detail.selectedOption.value);
        if (chosen !== undefined) onShow(fromTheTop(view, { sort: chosen.sort, order: chosen.order }));
      }}
    />
  );
}

/** Why there is nothing, and what to do. */
export function Empty({ view, onShow }: Properties) {
  const [, navigate] = useLocation();
  const { empty } = words;
  if (view.page > 1) {
    return <Nothing title={empty.noPage} action={empty.first} onAction={() => onShow(fromTheTop(view, {}))} />;
  }
  if (isFiltered(view.filter)) {
    const clear = () => onShow(fromTheTop(view, { filter: { tags: [] } }));
    return <Nothing title={empty.noMatch} action={empty.clear} onAction={clear} />;
  }
  return <Nothing title={empty.title} text={empty.text} action={empty.install} onAction={() => navigate('/install')} />;
}

function Nothing(props: {
  readonly title: string;
  readonly text?: string;
  readonly action: string;
  readonly onAction: () => void;
}) {
  return (
    <Box textAlign="center" padding={{ vertical: 'l' }}>
      <SpaceBetween size="s">
        <b>{props.title}</b>
        {props.text !== undefined && <Box variant="p">{props.text}</Box>}
        <Button onClick={props.onAction}>{props.action}</Button>
      </SpaceBetween>
    </Box>
  );
}

/** The instance that is meant by an action on one: the only one that is selected, and on the page. */
export function onlyOne(items: readonly Instance[], selected: ReadonlyMap<string, unknown>): Instance | null {
  return selected.size === 1 ? (items.find(({ id }) => selected.has(id)) ?? null) : null;
}
