import { join } from 'node:path';
import { makeKeysDirectory, writeKeyFile } from './key-files.ts';
import { FILES } from './layout.ts';

/**
 * Leaves an administrator's token that nobody asked for over the API where its owner alone (0600) finds it: not in the
 * log, and not beside the data, whose next backup would hold it in clear. Returns the path.
 */
export function leaveAdministratorToken(keysDir: string, token: string): string {
  makeKeysDirectory(keysDir);
  writeKeyFile(keysDir, FILES.administratorToken, `${token}\n`);
  return join(keysDir, FILES.administratorToken);
}
