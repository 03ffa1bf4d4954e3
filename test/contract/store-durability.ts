import { expect, test } from 'vitest';

import { anInstance, aReset, aTask, someSealed } from './store-records.ts';
import type { StoreFixture } from './store-harness.ts';

export function durabilityPromises(fixture: () => StoreFixture): void {
  test('has what was committed after it is opened again', async () => {
    const { store, harness } = fixture();
    const [instance, reset] = [anInstance(), aReset()];
    const task = aTask(reset, { instanceId: instance.id });
    await store.transaction(async (tx) => {
      await tx.instances.insert(instance);
      await tx.resets.insert(reset, []);
      await tx.tasks.insert([task]);
    });
    await store.close();
    const again = await harness.open();
    try {
      expect(await again.read.instances.get(instance.id)).toEqual(instance);
      expect(await again.read.tasks.get(task.id)).toEqual(task);
    } finally {
      await again.close();
    }
  });

  test('keeps no erased sealed password anywhere once it was scrubbed', async () => {
    const { store, harness } = fixture();
    const reset = aReset();
    const tasks = Array.from({ length: 50 }, () => aTask(reset, { sealed: someSealed() }));
    await store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      await tx.tasks.insert(tasks);
    });
    const traces = () => {
      const raw = Buffer.from(harness.rawBytes());
      return tasks.filter(({ sealed }) => raw.includes(sealed?.ciphertext ?? 'missing')).length;
    };
    expect(traces()).toBe(tasks.length);
    await store.transaction(async (tx) => {
      for (const { id } of tasks) await tx.tasks.update(id, 'pending', { sealed: null, state: 'cancelled' });
    });
    await store.scrub();
    expect(traces()).toBe(0);
  });
}
