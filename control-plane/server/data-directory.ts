import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What lies in `--data`. */

export const DATABASE_FILE = 'latchkey.db';

/** Where an administrator's token that nobody asked for over the API is left for its owner: not in the log. */
const ADMINISTRATOR_TOKEN_FILE = 'administrator-token';

/** Writes the token for its owner alone (0600), whole or not at all. Returns the path. */
export function writeAdministratorToken(directory: string, token: string): string {
  const path = join(directory, ADMINISTRATOR_TOKEN_FILE);
  const fresh = `${path}.${String(process.pid)}`;
  const file = openSync(fresh, 'wx', 0o600);
  try {
    writeSync(file, `${token}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
  return path;
}
