import { afterEach, beforeEach, describe } from 'vitest';

import { accessPromises } from './store-access.ts';
import { durabilityPromises } from './store-durability.ts';
import type { StoreFixture, StoreHarness } from './store-harness.ts';
import { instancePromises } from './store-instances.ts';
import { resetPromises } from './store-resets.ts';
import { retentionPromises } from './store-retention.ts';
import { taskPromises } from './store-tasks.ts';
import { transactionPromises } from './store-transactions.ts';

/**
 * Every promise of `store.ts`, for every database that keeps it. `durable`: what was committed is there after closing
 * and opening again, which a database in memory does not promise.
 */
export function describeStoreContract(
  name: string,
  durable: boolean,
  createHarness: () => Promise<StoreHarness>,
): void {
  describe(name, () => {
    let fixture: StoreFixture;

    beforeEach(async () => {
      const harness = await createHarness();
      fixture = { harness, store: await harness.open() };
    });
    afterEach(async () => {
      await fixture.store.close();
      await fixture.harness.dispose();
    });

    const get = () => fixture;
    describe('transactions', () => transactionPromises(get));
    if (durable) describe('durability', () => durabilityPromises(get));
    describe('instances', () => instancePromises(get));
    describe('projects, tokens, audit', () => accessPromises(get));
    describe('resets', () => resetPromises(get));
    describe('tasks', () => taskPromises(get));
    describe('retention', () => retentionPromises(get));
  });
}
