import { randomUUID } from 'node:crypto';
import { InstanceId, InstanceName, PAGE_ROWS_MAX } from '#protocol';
import { describe, expect, test } from 'vitest';
import {
  choose,
  NOTHING,
  offersAll,
  selectionOf,
  without,
  type Chosen,
} from '../../../control-plane/console/pages/instances/list/selection.ts';
import { collect, placeOf } from '../../../control-plane/console/pages/instances/list/walk.ts';

const instances = Array.from({ length: 6 }, (_, at): Chosen => ({
  id: InstanceId.parse(randomUUID()),
  name: InstanceName.parse(`vm-${at}`),
  os: 'linux',
}));
const [first, second] = [instances.slice(0, 3), instances.slice(3)];

describe('what is chosen', () => {
  test('on other pages stays when something on this one is chosen or not', () => {
    const one = choose(NOTHING, first, first.slice(0, 2));
    const both = choose(one, second, second);
    expect([...both.values()]).toEqual([...first.slice(0, 2), ...second]);
    expect([...choose(both, first, []).values()]).toEqual(second);
    expect(without(both, first[0]!.id).size).toBe(4);
  });

  test('holds nothing but what a reset has to know', () => {
    const whole = { ...first[0]!, project: 'shop', agent: { hostname: 'h' } };
    expect([...selectionOf([whole]).values()]).toEqual([first[0]]);
  });

  test('as a whole page leads to all that match, where there are more', () => {
    expect(offersAll(selectionOf(first), first, 6)).toBe(true);
    expect(offersAll(selectionOf(first), first, 3)).toBe(false);
    expect(offersAll(selectionOf(first.slice(1)), first, 6)).toBe(false);
    expect(offersAll(selectionOf(instances), first, 6)).toBe(false);
    expect(offersAll(NOTHING, [], 0)).toBe(false);
  });
});

/** A listing of numbers whose cursors are the last one of a page. */
function listingOf(size: number) {
  const asked: (readonly [number, string | null])[] = [];
  const list = async (limit: number, after: string | null) => {
    asked.push([limit, after]);
    const from = after === null ? 0 : Number(after) + 1;
    const items = Array.from({ length: Math.min(limit, size - from) }, (_, at) => from + at);
    const last = items.at(-1);
    return { items, nextCursor: last === undefined || last === size - 1 ? null : String(last) };
  };
  return { asked, list };
}

describe('the walk to a page', () => {
  test('takes the largest steps that there are', async () => {
    const { asked, list } = listingOf(10_000);
    expect(await placeOf(31, 100, list)).toBe('2999');
    expect(asked).toEqual([
      [PAGE_ROWS_MAX, null],
      [PAGE_ROWS_MAX, '999'],
      [PAGE_ROWS_MAX, '1999'],
    ]);
    expect(await placeOf(3, 25, list)).toBe('49');
    expect(await placeOf(1, 25, list)).toBeNull();
  });

  test('ends where the listing ends before', async () => {
    const { asked, list } = listingOf(50);
    expect(await placeOf(3, 25, list)).toBeUndefined();
    expect(await placeOf(9_000, 100, list)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });
});

describe('collecting all that match', () => {
  const signal = new AbortController().signal;

  test('goes through all pages and says how far it is', async () => {
    const { list } = listingOf(2_500);
    const progress: number[] = [];
    const all = await collect(list, { max: 10_000, signal, onProgress: (found) => progress.push(found) });
    expect(all).toMatchObject({ more: false });
    expect(all.items).toEqual(Array.from({ length: 2_500 }, (_, at) => at));
    expect(progress).toEqual([1_000, 2_000, 2_500]);
  });

  test('takes no more than it may, and says that there are more', async () => {
    const { asked, list } = listingOf(5_000);
    const all = await collect(list, { max: 1_500, signal, onProgress: () => undefined });
    expect(all.items).toHaveLength(1_500);
    expect(all.more).toBe(true);
    expect(asked.map(([limit]) => limit)).toEqual([1_000, 500]);
  });

  test('stops when it is told to, and hands out nothing of what it had', async () => {
    const { asked, list } = listingOf(5_000);
    const stop = new AbortController();
    const work = collect(list, { max: 5_000, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(work).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });

  test('of nothing is nothing', async () => {
    const { list } = listingOf(0);
    expect(await collect(list, { max: 10, signal, onProgress: () => undefined })).toEqual({ items: [], more: false });
  });
});
