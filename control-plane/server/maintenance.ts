import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from './config.ts';
import { DATABASE_FILE } from './data-directory.ts';
import { leaveAdministratorToken } from './keys/administrator-token.ts';
import { sha256Sync, systemClock, systemRandom } from './runtime.ts';
import { newAdministratorToken } from './service/administrator-token.ts';
import { cleanUpAfterRestore, type RestoreCleanup } from './service/restore.ts';
import { StoreError } from './store/errors.ts';
import { openSqliteStore, type SqliteStore } from './store/sqlite-store.ts';

type Directories = Pick<ServerConfig, 'dataDir' | 'keysDir'>;

/**
 * Makes another administrator's token, for when none is left. Whoever may write the database may have one: this asks
 * for no other right. Returns the file (0600) that holds it, in the keys directory. Rejects with `StoreError` `database-busy` while a server runs.
 */
export function recoverAdministrator({ dataDir, keysDir }: Directories): Promise<string> {
  return withStore(dataDir, async (store) => {
    const deps = { clock: systemClock, random: systemRandom, hash: sha256Sync };
    const made = newAdministratorToken(deps, { name: 'recovered administrator', rule: 'recovery' });
    const file = leaveAdministratorToken(keysDir, made.text);
    await store.transaction((tx) => made.insert(tx));
    return file;
  });
}

/** Makes a store that was restored from a backup fit to be served. Again is harmless, and ends what was begun since. */
export function afterRestore({ dataDir }: Pick<Directories, 'dataDir'>): Promise<RestoreCleanup> {
  return withStore(dataDir, (store) => cleanUpAfterRestore(store, systemClock.now()));
}

async function withStore<T>(dataDir: string, work: (store: SqliteStore) => Promise<T>): Promise<T> {
  const path = join(dataDir, DATABASE_FILE);
  // Opening would make an empty one, which nobody meant.
  if (!existsSync(path))
    throw new StoreError(
      'database-missing',
      `there is no database at ${path}; name the directory with --data or --config`,
    );
  const store = await openSqliteStore({ path });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
