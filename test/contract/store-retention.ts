import { expect, test } from 'vitest';

import type { ResetRecord } from '../../control-plane/server/store/records.ts';
import { allPages } from './store-paging.ts';
import { aReset, aTask, anEntry, anInstance } from './store-records.ts';
import type { StoreFixture } from './store-harness.ts';

const LIMIT = { resets: 100, tasks: 100 };

export function retentionPromises(fixture: () => StoreFixture): void {
  /** Started and finished then, with that many tasks. */
  async function finished(finishedAt: number | null, tasks = 1, state: 'succeeded' | 'running' = 'succeeded') {
    const reset = aReset({ requestedAt: 1, notAfter: 9, finishedAt });
    await fixture().store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      await tx.tasks.insert(Array.from({ length: tasks }, () => aTask(reset, { state })));
    });
    return reset;
  }
  const deleteFinished = (until: number, limit = LIMIT) =>
    fixture().store.transaction((tx) => tx.resets.deleteFinished(until, limit));
  const left = async (resets: readonly ResetRecord[]) => {
    const there = await Promise.all(resets.map(({ id }) => fixture().store.read.resets.get(id)));
    return there.map((reset) => reset !== null);
  };

  test('forgets finished resets with all of their tasks, and nothing that is under way or ended later', async () => {
    const { store } = fixture();
    const plan = aReset({ planExpiresAt: 1 });
    await store.transaction((tx) => tx.resets.insert(plan, []));
    const resets = [await finished(10, 3), await finished(11, 2), await finished(null, 1, 'running')];
    // What no code here writes: it must not cost a task that is still to come to its end.
    const torn = await finished(5, 1, 'running');
    expect(await deleteFinished(10)).toEqual({ resets: 1, tasks: 3, more: false });
    expect(await left([...resets, torn, plan])).toEqual([false, true, true, true, true]);
    const totals = await Promise.all(resets.map(async ({ id }) => (await store.read.tasks.counts(id)).total));
    expect(totals).toEqual([0, 2, 1]);
    expect(await deleteFinished(10)).toEqual({ resets: 0, tasks: 0, more: false });
  });

  test('forgets within limits, those first that ended first, and one that is larger than them as a whole', async () => {
    const resets = [await finished(3, 1), await finished(1, 5), await finished(2, 1)];
    expect(await deleteFinished(9, { resets: 10, tasks: 4 })).toEqual({ resets: 1, tasks: 5, more: true });
    expect(await left(resets)).toEqual([true, false, true]);
    expect(await deleteFinished(9, { resets: 1, tasks: 4 })).toEqual({ resets: 1, tasks: 1, more: true });
    expect(await left(resets)).toEqual([true, false, false]);
    expect(await deleteFinished(9, { resets: 1, tasks: 1 })).toEqual({ resets: 1, tasks: 1, more: false });
  });

  test('keeps the pages of a listing right while resets are forgotten', async () => {
    const { store } = fixture();
    for (let n = 1; n <= 6; n += 1) {
      const reset = aReset({ requestedAt: n, notAfter: 99, finishedAt: n * 10 });
      await store.transaction((tx) => tx.resets.insert(reset, []));
    }
    const seen = await allPages(async (page) => {
      const rows = await store.read.resets.list({ projects: null }, page);
      // The reset that the next page starts behind is among those that go.
      if (page.after === null) await deleteFinished(40);
      return rows;
    }, 3);
    expect(seen.map(({ requestedAt }) => requestedAt)).toEqual([6, 5, 4]);
  });

  test('numbers the resets of an account on, whatever of them was forgotten', async () => {
    const { store } = fixture();
    const instance = anInstance();
    const reset = aReset({ requestedAt: 1, notAfter: 9, finishedAt: 2 });
    const { account } = aTask(reset);
    await store.transaction(async (tx) => {
      await tx.instances.insert(instance);
      await tx.resets.insert(reset, []);
      await tx.tasks.insert([aTask(reset, { instanceId: instance.id, state: 'succeeded', generation: 7 })]);
      await tx.generations.raise(instance.id, account, 7);
    });
    await deleteFinished(9);
    expect(await store.read.generations.highest(instance.id, account)).toBe(7);
  });

  test('forgets old records of the audit, oldest first, and pages go on behind the gap', async () => {
    const { store } = fixture();
    await store.transaction(async (tx) => {
      for (const at of [1, 2, 9, 3, 4, 10]) await tx.audit.append(anEntry({ at }));
    });
    const deleteUntil = (until: number, limit: number) => store.transaction((tx) => tx.audit.deleteUntil(until, limit));
    expect(await deleteUntil(4, 3)).toBe(3);
    const times = async () => (await allPages((page) => store.read.audit.list({}, page), 2)).map(({ at }) => at);
    expect(await times()).toEqual([10, 4, 9]);
    expect(await deleteUntil(4, 3)).toBe(1);
    expect(await times()).toEqual([10, 9]);
    const seen = await allPages(async (page) => {
      const rows = await store.read.audit.list({}, page);
      await deleteUntil(9, 3);
      return rows;
    }, 1);
    expect(seen.map(({ at }) => at)).toEqual([10]);
  });

  test('gives no number of a record twice, though all of them are old', async () => {
    const { store } = fixture();
    const append = () => store.transaction((tx) => tx.audit.append(anEntry({ at: 1 })));
    for (let n = 0; n < 3; n += 1) await append();
    expect(await store.transaction((tx) => tx.audit.deleteUntil(5, 100))).toBe(2);
    await append();
    const page = await store.read.audit.list({}, { limit: 10, after: null });
    expect(page.rows.map(({ sequence }) => sequence)).toEqual([4, 3]);
  });
}
