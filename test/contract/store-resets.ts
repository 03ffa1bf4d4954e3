import { expect, test } from 'vitest';

import { ProjectName, ResetId, type TokenId } from '#protocol';
import { allPages, expectAlienCursorsRefused } from './store-paging.ts';
import { anInstance, aReset, aTarget, aTask, someSealed } from './store-records.ts';
import type { StoreFixture } from './store-harness.ts';

export function resetPromises(fixture: () => StoreFixture): void {
  test('keeps a plan and its targets as they were, full or empty', async () => {
    const { store } = fixture();
    const reset = aReset({ account: null, supersede: false });
    const targets = [aTarget(reset), aTarget(reset, { identity: null, keyId: null, blocked: null, sealed: null })];
    await store.transaction((tx) => tx.resets.insert(reset, targets));
    expect(await store.read.resets.get(reset.id)).toEqual(reset);
    const kept = await store.read.resets.targets(reset.id);
    expect(kept).toHaveLength(2);
    expect(kept).toEqual(expect.arrayContaining(targets));
    expect(await store.read.resets.get(ResetId.parse('00000000-0000-4000-8000-000000000000'))).toBeNull();
  });

  test('takes ciphertexts in chunks, each to its target and to no other', async () => {
    const { store } = fixture();
    const reset = aReset();
    const targets = Array.from({ length: 250 }, () => aTarget(reset, { sealed: null }));
    await store.transaction((tx) => tx.resets.insert(reset, targets));
    const sealed = targets.slice(1).map(({ instanceId }) => ({ instanceId, password: someSealed() }));
    await store.transaction((tx) => tx.resets.putSealed(reset.id, sealed.slice(0, 100)));
    await store.transaction((tx) => tx.resets.putSealed(reset.id, sealed.slice(100)));
    for (const target of await store.read.resets.targets(reset.id)) {
      const expected = sealed.find(({ instanceId }) => instanceId === target.instanceId)?.password ?? null;
      expect(target.sealed).toEqual(expected);
    }
  });

  test('starts once, however many try, and forgets the planned targets then', async () => {
    const { store } = fixture();
    const reset = aReset();
    await store.transaction((tx) => tx.resets.insert(reset, [aTarget(reset)]));
    const start = (requestedAt: number) =>
      store.transaction((tx) => tx.resets.start(reset.id, { requestedAt, notAfter: 99 }));
    expect(await Promise.all([start(5), start(6), start(7)])).toEqual([true, false, false]);
    expect(await store.read.resets.get(reset.id)).toEqual({ ...reset, requestedAt: 5, notAfter: 99 });
    expect(await store.read.resets.targets(reset.id)).toEqual([]);
    await store.transaction((tx) => tx.resets.finish(reset.id, 50));
    await store.transaction((tx) => tx.resets.finish(reset.id, 60));
    expect((await store.read.resets.get(reset.id))?.finishedAt).toBe(50);
  });

  test('holds a reset and lets it go, and keeps when it stopped first', async () => {
    const { store } = fixture();
    const reset = aReset({ pausedAt: null, stoppedAt: null });
    await store.transaction((tx) => tx.resets.insert(reset, []));
    await store.transaction((tx) => tx.resets.pause(reset.id, 5));
    expect(await store.read.resets.get(reset.id)).toEqual({ ...reset, pausedAt: 5 });
    await store.transaction((tx) => tx.resets.pause(reset.id, null));
    await store.transaction((tx) => tx.resets.stop(reset.id, 6));
    await store.transaction((tx) => tx.resets.stop(reset.id, 7));
    expect(await store.read.resets.get(reset.id)).toEqual({ ...reset, stoppedAt: 6 });
  });

  test('finds what is started and not finished, and what retries a reset', async () => {
    const { store } = fixture();
    const first = aReset({ requestedAt: 1, notAfter: 9, finishedAt: 5, retryOf: null });
    const again = [2, 3].map((requestedAt) => aReset({ requestedAt, notAfter: 9, retryOf: first.id }));
    await store.transaction(async (tx) => {
      for (const reset of [first, ...again, aReset({ retryOf: first.id })]) await tx.resets.insert(reset, []);
    });
    const open = again.map(({ id }) => id).sort();
    expect(await store.read.resets.open(10, null)).toEqual(open);
    expect(await store.read.resets.open(1, null)).toEqual(open.slice(0, 1));
    expect(await store.read.resets.open(1, open[0] ?? null)).toEqual(open.slice(1));
    expect(await store.read.resets.retriesOf(first.id, 10)).toEqual([again[1]?.id, again[0]?.id]);
    expect(await store.read.resets.retriesOf(first.id, 1)).toEqual([again[1]?.id]);
  });

  test('lists started resets newest first, in pages, and only those within the projects, or of the token', async () => {
    const { store } = fixture();
    const here = ProjectName.parse('here');
    const there = ProjectName.parse('there');
    const instances = [anInstance({ project: here }), anInstance({ project: there })];
    const resets = [1, 2, 2, 3].map((requestedAt) => aReset({ requestedAt, notAfter: 9 }));
    await store.transaction(async (tx) => {
      for (const instance of instances) await tx.instances.insert(instance);
      await tx.resets.insert(aReset(), []);
      for (const [n, reset] of resets.entries()) {
        await tx.resets.insert(reset, []);
        const touched = n === 3 ? instances : instances.slice(n % 2, (n % 2) + 1);
        await tx.tasks.insert(touched.map(({ id }) => aTask(reset, { instanceId: id })));
      }
    });
    const list = async (projects: readonly ProjectName[] | null, requestedWith?: TokenId) => {
      const filter = requestedWith === undefined ? { projects } : { projects, requestedWith };
      const found = await allPages((page) => store.read.resets.list(filter, page), 1);
      return found.map(({ id }) => resets.findIndex((reset) => reset.id === id));
    };
    expect((await list(null)).map((n) => resets[n]?.requestedAt)).toEqual([3, 2, 2, 1]);
    expect((await list([here])).toSorted()).toEqual([0, 2]);
    expect((await list([here, there])).toSorted()).toEqual([0, 1, 2, 3]);
    expect(await list([])).toEqual([]);
    expect(await list([], resets[1]?.tokenId)).toEqual([1]);
    const [instance] = instances;
    const on = await store.read.resets.list(
      { projects: null, instance: instance?.id ?? anInstance().id },
      { limit: 10, after: null },
    );
    expect(on.rows.map(({ id }) => resets.findIndex((reset) => reset.id === id)).toSorted()).toEqual([0, 2, 3]);
    expect(
      (await store.read.resets.list({ projects: null, instance: anInstance().id }, { limit: 10, after: null })).rows,
    ).toEqual([]);
    expect(await store.read.resets.projectsOf(resets[3]?.id ?? aReset().id)).toEqual(['here', 'there']);
    expect(await store.read.resets.projectsOf(resets[1]?.id ?? aReset().id)).toEqual(['there']);
    expect(await store.read.resets.projectsOf(aReset().id)).toEqual([]);
    await expectAlienCursorsRefused((page) => store.read.resets.list({ projects: null }, page));
    await store.transaction((tx) => tx.instances.delete(instances[0]?.id ?? anInstance().id));
    expect(await list([here])).toEqual([]);
  });

  test('forgets plans that were left lying, with their ciphertexts, and nothing that was started', async () => {
    const { store } = fixture();
    const [left, fresh] = [aReset({ planExpiresAt: 10 }), aReset({ planExpiresAt: 11 })];
    const started = aReset({ planExpiresAt: 10, requestedAt: 5 });
    await store.transaction(async (tx) => {
      for (const reset of [left, fresh, started]) await tx.resets.insert(reset, [aTarget(reset)]);
    });
    expect(await store.transaction((tx) => tx.resets.deleteExpiredPlans(10))).toBe(1);
    expect(await store.read.resets.get(left.id)).toBeNull();
    expect(await store.read.resets.targets(left.id)).toEqual([]);
    expect(await store.read.resets.targets(fresh.id)).toHaveLength(1);
    expect(await store.read.resets.get(started.id)).toEqual(started);
  });
}
