import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Where the token of the first administrator is left for its owner: not in the log. */
export const ADMINISTRATOR_TOKEN_FILE = 'administrator-token';

/** Writes it for its owner alone (0600), whole or not at all. Returns the path. */
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
