import { expect, test } from 'vitest';
import { createStoreProbe } from '../../../control-plane/server/service/store-probe.ts';
import type { Store } from '../../../control-plane/server/store/store.ts';
import { QUIET } from '../../support/core-world.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A store that answers when the test lets it. */
function slowStore() {
  const asked: (() => void)[] = [];
  const store: Pick<Store, 'transaction'> = {
    transaction: () => new Promise<never>((_, reject) => asked.push(() => reject(new Error('disk I/O error')))),
  };
  return { store, asked };
}

test('a store that hangs is told from one that answers, and many who ask cost one question', async () => {
  const clock = new FakeClock();
  const { store, asked } = slowStore();
  const probe = createStoreProbe({ store, clock, log: QUIET });
  const answers = Promise.all([probe(), probe(), probe()]);
  clock.advance(2_000);
  expect(await answers).toEqual([false, false, false]);
  expect(asked).toHaveLength(1);
});

test('a store that failed is asked again', async () => {
  const { store, asked } = slowStore();
  const probe = createStoreProbe({ store, clock: new FakeClock(), log: QUIET });
  for (const times of [1, 2]) {
    const answer = probe();
    asked.at(-1)?.();
    expect(await answer).toBe(false);
    expect(asked).toHaveLength(times);
  }
});
