import { AgentState, InstanceSort, OperatingSystem, parseTag, ProjectName, TAGS_MAX } from '#protocol';

/** What is asked of the control plane; all of it must be true of an instance that is shown. */
export interface Filter {
  /** Part of the name. */
  readonly search?: string;
  readonly state?: AgentState;
  readonly os?: OperatingSystem;
  readonly project?: string;
  /** Version of the agent, exactly. */
  readonly version?: string;
  /** Each `KEY=VALUE`. */
  readonly tags: readonly string[];
}

/** In the order in which they stand in the table; the name cannot be hidden. */
export const COLUMNS = [
  'name',
  'os',
  'power',
  'state',
  'project',
  'tags',
  'lastReset',
  'version',
  'lastSeenAt',
  'createdAt',
] as const;
export type Column = (typeof COLUMNS)[number];
const SHOWN: readonly Column[] = COLUMNS.filter((column) => column !== 'createdAt');

/** More rows than that take longer to draw than somebody wants to wait for a page. */
export const PAGE_SIZES = [10, 25, 50] as const;
const PAGE_SIZE = 25;
export type Look = 'table' | 'cards';

/** Everything that decides what one sees of the list, and that therefore stands in the URL. */
export interface ListView {
  readonly filter: Filter;
  readonly sort: InstanceSort;
  readonly order: 'asc' | 'desc';
  readonly size: number;
  /** From 1. */
  readonly page: number;
  /** Where that page begins, so that a reload need not look for it; null where that is not known. */
  readonly after: string | null;
  readonly look: Look;
  readonly columns: readonly Column[];
}

export const SEARCH_CHARS_MAX = 63;
export const VERSION_CHARS_MAX = 100;
const CURSOR_CHARS_MAX = 500;
/** Beyond what any fleet has; keeps nonsense in a URL from becoming thousands of requests. */
const PAGE_MAX = 10_000;

/** The view of a URL. Somebody may have written it by hand: what makes no sense is left out. */
export function readView(params: URLSearchParams, usualLook: Look): ListView {
  const size = Number(params.get('size'));
  const page = Number(params.get('page'));
  const columns = params.get('columns')?.split(',');
  const look = params.get('view');
  const isPage = Number.isInteger(page) && page >= 1 && page <= PAGE_MAX;
  const after = params.get('after');
  return {
    filter: readFilter(params),
    sort: InstanceSort.safeParse(params.get('sort')).data ?? 'name',
    order: params.get('order') === 'desc' ? 'desc' : 'asc',
    size: PAGE_SIZES.find((known) => known === size) ?? PAGE_SIZE,
    page: isPage ? page : 1,
    after: isPage && page > 1 && after !== null && after.length <= CURSOR_CHARS_MAX ? after : null,
    look: look === 'table' || look === 'cards' ? look : usualLook,
    columns: columns === undefined ? SHOWN : COLUMNS.filter((column) => column === 'name' || columns.includes(column)),
  };
}

function readFilter(params: URLSearchParams): Filter {
  const search = params.get('search');
  const version = params.get('version');
  const state = AgentState.safeParse(params.get('state')).data;
  const os = OperatingSystem.safeParse(params.get('os')).data;
  const project = ProjectName.safeParse(params.get('project')).data;
  const tags = params.getAll('tag').filter((tag) => parseTag(tag) !== null);
  return {
    tags: [...new Set(tags)].slice(0, TAGS_MAX),
    ...(search === null || search === '' ? {} : { search: search.slice(0, SEARCH_CHARS_MAX) }),
    ...(version === null || version === '' ? {} : { version: version.slice(0, VERSION_CHARS_MAX) }),
    ...(state === undefined ? {} : { state }),
    ...(os === undefined ? {} : { os }),
    ...(project === undefined ? {} : { project }),
  };
}

/** The URL of a view; what is as usual is left out. */
export function writeView(view: ListView, usualLook: Look): URLSearchParams {
  const params = filterParams(view.filter);
  if (view.sort !== 'name') params.set('sort', view.sort);
  if (view.order !== 'asc') params.set('order', view.order);
  if (view.size !== PAGE_SIZE) params.set('size', String(view.size));
  if (view.page > 1) params.set('page', String(view.page));
  if (view.page > 1 && view.after !== null) params.set('after', view.after);
  if (view.look !== usualLook) params.set('view', view.look);
  if (view.columns.join() !== SHOWN.join()) params.set('columns', view.columns.join());
  return params;
}

/** A filter in the words of the API, which are also those of the URL. */
export function filterParams({ tags, ...single }: Filter): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(single)) params.set(name, value);
  for (const tag of tags) params.append('tag', tag);
  return params;
}

/** What all pages of a view have in common, in the words of the API. */
export function listParams({ filter, sort, order }: Pick<ListView, 'filter' | 'sort' | 'order'>): URLSearchParams {
  const params = filterParams(filter);
  params.set('sort', sort);
  params.set('order', order);
  return params;
}

/** A change after which another page one would mean something else. */
export function fromTheTop(view: ListView, change: Partial<ListView>): ListView {
  return { ...view, ...change, page: 1, after: null };
}

export function isFiltered(filter: Filter): boolean {
  return filterParams(filter).size > 0;
}
