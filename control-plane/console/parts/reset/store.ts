/** The part of the browser's storage that is used here. Nothing secret goes in. */
export interface KeyValueStore {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  /** Throws when it is full, or switched off. */
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}
