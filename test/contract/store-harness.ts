import type { Store } from '../../control-plane/server/store/store.ts';

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
