import { expect, test } from 'vitest';

import type { Repositories } from '../../control-plane/server/store/store.ts';
import { anEntry, anInstance, ROOT } from './store-records.ts';
import type { StoreFixture } from './store-harness.ts';

export function transactionPromises(fixture: () => StoreFixture): void {
  test('keeps what a transaction wrote and returns what it returned', async () => {
    const { store } = fixture();
    const instance = anInstance();
    const answer = await store.transaction(async (tx) => {
      await tx.instances.insert(instance);
      return tx.instances.get(instance.id);
    });
    expect(answer).toEqual(instance);
    expect(await store.read.instances.get(instance.id)).toEqual(instance);
  });

  test('rolls back a transaction that throws, alone, and throws the same error on', async () => {
    const { store } = fixture();
    const [before, failing, after] = [anInstance(), anInstance(), anInstance()];
    const error = new Error('no');
    const outcomes = await Promise.allSettled([
      store.transaction((tx) => tx.instances.insert(before)),
      store.transaction(async (tx) => {
        await tx.instances.insert(failing);
        throw error;
      }),
      store.transaction((tx) => tx.instances.insert(after)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: error });
    const names = (await store.read.instances.list({}, { limit: 10, after: null })).rows.map(({ id }) => id);
    expect(new Set(names)).toEqual(new Set([before.id, after.id]));
  });

  test('keeps a transaction going whose own statement failed and was caught', async () => {
    const { store } = fixture();
    const instance = anInstance();
    await store.transaction(async (tx) => {
      await tx.instances.insert(instance);
      await expect(tx.instances.insert(instance)).rejects.toThrow();
      await tx.audit.append(anEntry());
    });
    expect(await store.read.instances.get(instance.id)).toEqual(instance);
  });

  test('lets transactions that wait at the same time share commits, in their order', async () => {
    const { store, harness } = fixture();
    const before = harness.commits();
    await Promise.all(
      Array.from({ length: 500 }, (_, n) => store.transaction((tx) => tx.audit.append(anEntry({ detail: { n } })))),
    );
    expect(harness.commits() - before).toBeLessThanOrEqual(5);
    const { rows } = await store.read.audit.list({}, { limit: 500, after: null });
    expect(rows.map(({ detail }) => detail['n'])).toEqual(Array.from({ length: 500 }, (_, n) => 499 - n));
  });

  test('runs one transaction at a time, so that what it read stays true until it ends', async () => {
    const { store } = fixture();
    const instance = anInstance();
    await store.transaction((tx) => tx.instances.insert(instance));
    const increment = (tx: Repositories) => tx.generations.highest(instance.id, ROOT);
    await Promise.all(
      Array.from({ length: 50 }, () =>
        store.transaction(async (tx) => {
          const next = (await increment(tx)) + 1;
          await Promise.resolve();
          await tx.generations.raise(instance.id, ROOT, next);
        }),
      ),
    );
    expect(await store.read.generations.highest(instance.id, ROOT)).toBe(50);
  });

  test('shows readers nothing that is not committed', async () => {
    const { store } = fixture();
    const instance = anInstance();
    let seen: Promise<unknown> = Promise.resolve('not asked');
    const inside = Promise.withResolvers<undefined>();
    const writing = store.transaction(async (tx) => {
      await tx.instances.insert(instance);
      inside.resolve(undefined);
      await tx.instances.get(instance.id);
      throw new Error('undo');
    });
    await Promise.all([
      inside.promise.then(() => {
        seen = store.read.instances.get(instance.id);
      }),
      expect(writing).rejects.toThrow('undo'),
    ]);
    expect(await seen).toBeNull();
  });

  test('refuses to wait for itself, instead of waiting for ever', async () => {
    const { store } = fixture();
    await store.transaction(async (tx) => {
      await expect(store.transaction(() => Promise.resolve())).rejects.toMatchObject({ code: 'misuse' });
      await expect(store.read.projects.list()).rejects.toMatchObject({ code: 'misuse' });
      await expect(store.scrub()).rejects.toMatchObject({ code: 'misuse' });
      await tx.audit.append(anEntry());
    });
    expect((await store.read.audit.list({}, { limit: 1, after: null })).rows).toHaveLength(1);
  });

  test('refuses a transaction that is used after its end', async () => {
    const { store } = fixture();
    let kept: Repositories | null = null;
    await store.transaction((tx) => {
      kept = tx;
      return Promise.resolve();
    });
    await expect((kept as unknown as Repositories).audit.append(anEntry())).rejects.toMatchObject({ code: 'misuse' });
    expect((await store.read.audit.list({}, { limit: 1, after: null })).rows).toEqual([]);
  });

  test('takes nothing after it was closed, and finishes what it had taken', async () => {
    const { store } = fixture();
    const running = store.transaction((tx) => tx.audit.append(anEntry()));
    await store.close();
    await running;
    await expect(store.transaction(() => Promise.resolve())).rejects.toMatchObject({ code: 'closed' });
  });
}
