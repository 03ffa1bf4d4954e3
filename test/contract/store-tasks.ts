import { expect, test } from 'vitest';

import { TaskId, TaskState } from '#protocol';
import { allPages, expectAlienCursorsRefused } from './store-paging.ts';
import { aReset, aTask, someInstanceId } from './store-records.ts';
import type { StoreFixture } from './store-harness.ts';

const UNFINISHED: readonly TaskState[] = ['pending', 'staged', 'awaiting-boot', 'dispatched', 'accepted', 'running'];
const empty = {
  sealed: null,
  sealedDigest: null,
  dispatchedAt: null,
  code: null,
  detail: null,
  verifiedBy: null,
  warnings: [],
  appliedMs: null,
  verifiedMs: null,
  result: null,
} as const;

export function taskPromises(fixture: () => StoreFixture): void {
  /** A reset with one task of each state, all of one instance. */
  const oneOfEach = async () => {
    const reset = aReset();
    const instanceId = someInstanceId();
    const tasks = TaskState.options.map((state, n) =>
      aTask(reset, { state, instanceId, generation: TaskState.options.length - n, notAfter: 100 + n }),
    );
    await fixture().store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      await tx.tasks.insert(tasks);
    });
    return { reset, instanceId, tasks };
  };
  const states = (tasks: readonly { state: TaskState }[]) => tasks.map(({ state }) => state);

  test('gives back every field as it was, full or empty', async () => {
    const { store } = fixture();
    const reset = aReset();
    const tasks = [aTask(reset), aTask(reset, empty)];
    await store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      await tx.tasks.insert(tasks);
      await tx.tasks.insert([]);
    });
    for (const task of tasks) expect(await store.read.tasks.get(task.id)).toEqual(task);
    const unknown = TaskId.parse('00000000-0000-4000-8000-000000000000');
    expect(await store.read.tasks.get(unknown)).toBeNull();
    expect(await store.read.tasks.getMany([unknown, ...tasks.map(({ id }) => id)])).toHaveLength(2);
  });

  test('refuses a task of a reset that is not there', async () => {
    await expect(fixture().store.transaction((tx) => tx.tasks.insert([aTask(aReset())]))).rejects.toThrow();
  });

  test('changes a task only while it is in the state that the writer saw', async () => {
    const { store } = fixture();
    const reset = aReset();
    const task = aTask(reset);
    await store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      await tx.tasks.insert([task]);
    });
    const win = (state: TaskState) => store.transaction((tx) => tx.tasks.update(task.id, 'pending', { state }));
    expect(await Promise.all([win('dispatched'), win('cancelled'), win('superseded')])).toEqual([true, false, false]);
    const change = { state: 'succeeded', sealed: null, warnings: ['faillock'], verifiedBy: 'login' } as const;
    await store.transaction((tx) => tx.tasks.update(task.id, 'dispatched', change));
    expect(await store.read.tasks.get(task.id)).toEqual({ ...task, ...change });
    expect(await store.transaction((tx) => tx.tasks.update(task.id, 'succeeded', {}))).toBe(true);
    expect(await store.transaction((tx) => tx.tasks.update(task.id, 'failed', {}))).toBe(false);
  });

  test('lists the tasks of a reset in pages, also of one state', async () => {
    const { store } = fixture();
    const { reset, tasks } = await oneOfEach();
    const listed = await allPages((page) => store.read.tasks.ofReset(reset.id, {}, page), 4);
    expect(listed).toHaveLength(tasks.length);
    expect(listed).toEqual(expect.arrayContaining(tasks));
    const failed = await allPages((page) => store.read.tasks.ofReset(reset.id, { state: 'failed' }, page), 4);
    expect(states(failed)).toEqual(['failed']);
    await expectAlienCursorsRefused((page) => store.read.tasks.ofReset(reset.id, {}, page));
  });

  test('counts the tasks of a reset by what became of them', async () => {
    const { store } = fixture();
    const { reset } = await oneOfEach();
    const other = await oneOfEach();
    const counts = { total: 13, succeeded: 1, failed: 5, blocked: 1, pending: 6 };
    expect(await store.read.tasks.counts(reset.id)).toEqual(counts);
    expect(await store.read.tasks.counts(aReset().id)).toMatchObject({ total: 0, pending: 0 });
    expect(await store.read.tasks.hasUnfinished(reset.id)).toBe(true);
    await store.transaction(async (tx) => {
      for (const { id, state } of other.tasks) await tx.tasks.update(id, state, { state: 'succeeded' });
    });
    expect(await store.read.tasks.hasUnfinished(other.reset.id)).toBe(false);
    expect(await store.read.tasks.countsByState()).toMatchObject({ pending: 1, succeeded: 14, blocked: 1 });
  });

  test('finds what is unfinished on instances, oldest generation first', async () => {
    const { store } = fixture();
    const { instanceId } = await oneOfEach();
    const open = await store.read.tasks.unfinishedOf([instanceId]);
    expect(states(open)).toEqual([...UNFINISHED].reverse());
    const other = await oneOfEach();
    const both = await store.read.tasks.unfinishedOf([instanceId, other.instanceId, someInstanceId()]);
    expect(states(both).sort()).toEqual([...UNFINISHED, ...UNFINISHED].sort());
    expect(await store.read.tasks.unfinishedOf([])).toEqual([]);
  });

  test('finds unfinished tasks whose limit has passed, the longest overdue first', async () => {
    const { store } = fixture();
    await oneOfEach();
    expect(states(await store.read.tasks.overdue(102, 10))).toEqual(['pending', 'staged', 'awaiting-boot']);
    expect(states(await store.read.tasks.overdue(1_000, 2))).toEqual(['pending', 'staged']);
    expect(states(await store.read.tasks.overdue(1_000, 100))).toEqual(UNFINISHED);
    expect(await store.read.tasks.overdue(99, 10)).toEqual([]);
  });

  test('lists what waits to be sent online by id, and goes on where it stopped', async () => {
    const { store } = fixture();
    const [reset, other] = [aReset(), aReset()];
    const tasks = Array.from({ length: 5 }, () => aTask(reset)).sort((a, b) => (a.id < b.id ? -1 : 1));
    await store.transaction(async (tx) => {
      for (const each of [reset, other]) await tx.resets.insert(each, []);
      await tx.tasks.insert([...tasks, aTask(other)].reverse());
      await tx.tasks.insert([aTask(reset, { mode: 'offline' }), aTask(reset, { state: 'running' })]);
    });
    const expected = tasks.map(({ id, instanceId }) => ({ id, instanceId }));
    const first = await store.read.tasks.inTurn(reset.id, 3, null);
    expect(first).toEqual(expected.slice(0, 3));
    expect(await store.read.tasks.inTurn(reset.id, 3, first.at(-1)?.id ?? null)).toEqual(expected.slice(3));
  });

  test('counts and finds tasks of a reset by state, and those of no other', async () => {
    const { store } = fixture();
    const { reset } = await oneOfEach();
    await oneOfEach();
    expect(await store.read.tasks.countIn(reset.id, ['dispatched', 'accepted', 'failed'])).toBe(3);
    expect(await store.read.tasks.countIn(aReset().id, ['pending'])).toBe(0);
    const unapplied = await store.read.tasks.unappliedOf(reset.id, 10);
    expect(states(unapplied).sort()).toEqual(['awaiting-boot', 'pending', 'staged']);
    expect(await store.read.tasks.unappliedOf(reset.id, 2)).toHaveLength(2);
  });

  test('takes the largest reset at once', { timeout: 30_000 }, async () => {
    const { store } = fixture();
    const reset = aReset();
    const tasks = Array.from({ length: 10_000 }, () => aTask(reset));
    const started = performance.now();
    await store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      await tx.tasks.insert(tasks);
    });
    // Ten times what it takes on a slow machine; a statement a row would take longer.
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await store.read.tasks.counts(reset.id)).toMatchObject({ total: 10_000, pending: 10_000 });
  });
}
