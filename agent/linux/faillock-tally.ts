/** Reads the file of an account's failed logins, which belongs to the account. */
import { closeSync, constants, openSync, readSync } from 'node:fs';

/** A thousand failures. */
const TALLY_BYTES_MAX = 64 * 1024;

/** The account owns its tally and can make it as long as it likes: no more is read than a tally ever has. */
export function readTally(path: string): Buffer {
  const tally = Buffer.alloc(TALLY_BYTES_MAX);
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return tally.subarray(0, readSync(descriptor, tally));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return Buffer.alloc(0); // No tally: no failures.
  }
}
