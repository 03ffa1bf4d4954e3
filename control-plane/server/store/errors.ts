/** What goes wrong in a store, apart from cursors (`InvalidCursorError`), each with what to do about it. */

export type StoreErrorCode =
  /** The database was written by a newer version of Latchkey. */
  | 'database-newer'
  /** Another process holds the database. */
  | 'database-busy'
  /** There is none, where there must be one. */
  | 'database-missing'
  /** The file that a backup was to be written to is there. */
  | 'backup-exists'
  /** The file of a backup could not be written whole, for want of space as a rule. */
  | 'backup-unwritten'
  /** A file is no backup of a database of ours, or is damaged. */
  | 'backup-invalid'
  /** A row does not hold what this version writes. */
  | 'row-malformed'
  /** The transactions that shared this commit are not durable and were rolled back. */
  | 'commit-failed'
  /** The store is used in a way that its promises forbid; a bug of the caller. */
  | 'misuse'
  /** The store was closed. */
  | 'closed';

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
