import { afterEach, beforeEach, describe } from 'vitest';

import type { Store } from '../../control-plane/server/store/store.ts';
import { accessPromises } from './store-access.ts';
import { durabilityPromises } from './store-durability.ts';
import { instancePromises } from './store-instances.ts';
import { resetPromises } from './store-resets.ts';
import { taskPromises } from './store-tasks.ts';
import { transactionPromises } from './store-transactions.ts';

/** An empty database and whatever opens it. */
export interface StoreHarness {
  /** Opens the same database each time. */
  open(): Promise<Store>;
  /** How many commits reached the disk (or would have) since it was created. */
  commits(): number;
  /** Every byte of the database's files; none where there are no files. */
  rawBytes(): Uint8Array;
  dispose(): Promise<void>;
}

export interface StoreFixture {
  readonly store: Store;
  readonly harness: StoreHarness;
}

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
  });
}
