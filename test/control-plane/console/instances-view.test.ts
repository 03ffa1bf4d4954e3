import fc from 'fast-check';
import { AgentState, InstanceSort, OperatingSystem } from '#protocol';
import { describe, expect, test } from 'vitest';
import { filterOf, tokensOf } from '../../../control-plane/console/pages/instances/list/tokens.ts';
import {
  COLUMNS,
  fromTheTop,
  isFiltered,
  listParams,
  PAGE_SIZES,
  readView,
  writeView,
  type ListView,
} from '../../../control-plane/console/pages/instances/list/view.ts';

const read = (query: string) => readView(new URLSearchParams(query), 'table');
const usual = read('');

const word = fc.stringMatching(/^[a-z0-9]{1,20}$/);
const filters = fc.record(
  {
    search: word,
    state: fc.constantFrom(...AgentState.options),
    os: fc.constantFrom(...OperatingSystem.options),
    project: word,
    version: word,
    tags: fc.uniqueArray(
      fc
        .tuple(word, fc.string({ unit: 'grapheme-ascii', maxLength: 9 }))
        .map(([key, value]) => `${key}=${value.trim()}`),
      { maxLength: 5 },
    ),
  },
  { requiredKeys: ['tags'] },
);
const views: fc.Arbitrary<ListView> = fc.record({
  filter: filters,
  sort: fc.constantFrom(...InstanceSort.options),
  order: fc.constantFrom('asc', 'desc'),
  size: fc.constantFrom(...PAGE_SIZES),
  page: fc.integer({ min: 2, max: 500 }),
  after: fc.option(word),
  look: fc.constantFrom('table', 'cards'),
  columns: fc.subarray([...COLUMNS.slice(1)]).map((some) => ['name' as const, ...some]),
});

describe('what one sees of the list', () => {
  test('stands in the URL, and is read from it again', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(readView(new URLSearchParams(writeView(view, 'table').toString()), 'table')).toEqual(view);
      }),
    );
  });

  test('as usual is a URL with nothing in it', () => {
    expect(writeView(usual, 'table').toString()).toBe('');
    expect(usual).toMatchObject({ sort: 'name', order: 'asc', size: 25, page: 1, after: null, look: 'table' });
  });

  test.each([
    ['size=7&page=-3&sort=colour&order=up&view=map', usual],
    ['page=1e9', usual],
    ['page=2.5', usual],
    ['after=somewhere', usual],
    ['state=sleeping&os=plan9&project=No!&tag=novalue&tag==x&search=&version=', usual],
    ['columns=colour', { ...usual, columns: ['name'] }],
    ['page=3&size=50', { ...usual, page: 3, size: 50 }],
  ])('does without what makes no sense: %s', (query, view) => {
    expect(read(query)).toEqual(view);
  });

  test('is asked of the control plane in the words of its API', () => {
    const view = read('state=offline&tag=a%3Db&tag=c%3Dd%26e&search=web&sort=lastSeenAt&order=desc&page=4');
    expect(listParams(view).toString()).toBe(
      'search=web&state=offline&tag=a%3Db&tag=c%3Dd%26e&sort=lastSeenAt&order=desc',
    );
    expect(isFiltered(view.filter)).toBe(true);
    expect(isFiltered(usual.filter)).toBe(false);
  });

  test('begins at the first page when what is listed changes', () => {
    expect(fromTheTop(read('page=4&after=x'), { order: 'desc' })).toEqual({ ...usual, order: 'desc' });
  });
});

describe('the tokens of the filter', () => {
  test('ask for what they were made from', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        expect(filterOf(tokensOf(filter))).toEqual({ filter, refused: [] });
      }),
    );
  });

  test('count once for each property, the last one; each tag counts', () => {
    const is = (propertyKey: string, value: string) => ({ propertyKey, operator: '=', value });
    const name = (value: string) => ({ operator: ':', value });
    const { filter, refused } = filterOf([
      ...[name('Web'), is('state', 'offline'), is('state', 'Install failed'), is('os', 'Windows'), name('DB')],
      ...[is('tag', 'a=b'), is('tag', 'c=d'), is('tag', 'a=b')],
    ]);
    expect(refused).toEqual([]);
    expect(filter).toEqual({ search: 'db', state: 'install-failed', os: 'windows', tags: ['a=b', 'c=d'] });
  });

  test('that cannot be asked for are handed back and left out', () => {
    const tokens = [
      { propertyKey: 'state', operator: '=', value: 'sleeping' },
      { propertyKey: 'tag', operator: '=', value: 'no value' },
      { propertyKey: 'project', operator: '=', value: 'Not A Project' },
      { propertyKey: 'colour', operator: '=', value: 'red' },
      { operator: ':', value: 'x'.repeat(64) },
      { operator: ':', value: ' ' },
      { operator: ':', value: null },
    ];
    expect(filterOf(tokens)).toEqual({ filter: { tags: [] }, refused: tokens });
  });
});
