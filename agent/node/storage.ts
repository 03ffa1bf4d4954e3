import { randomBytes } from 'node:crypto';
import { constants, readFileSync } from 'node:fs';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from '../ports.ts';

const { O_APPEND, O_CREAT, O_DSYNC, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const FILE_MODE = 0o600;
const TEMPORARY = '.tmp-';
/** Every write returns once on disk: one trip to another thread where a write and a flush would be two. */
const APPENDING = O_WRONLY | O_APPEND | O_CREAT | O_DSYNC | O_NOFOLLOW;

export interface DirectoryStorage extends Storage {
  /** Lets go of open files; the storage can be used again afterwards. */
  close(): Promise<void>;
}

/** Removes what a crash left half written. Only for the one process that holds the lock of the directory. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(TEMPORARY)) await rm(join(directory, name), { force: true });
  }
}

/** The files of a directory. Touches nothing by itself. */
export function createDirectoryStorage(directory: string): DirectoryStorage {
  const appending = new Map<string, FileHandle>();

  const syncDirectory = async () => {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
  const stopAppending = async (name: string) => {
    const handle = appending.get(name);
    appending.delete(name);
    await handle?.close();
  };
  const startAppending = async (name: string): Promise<FileHandle> => {
    const handle = await open(join(directory, name), APPENDING, FILE_MODE);
    appending.set(name, handle);
    return handle;
  };

  return {
    read: async (name) => readIfPresent(join(directory, name)),
    list: async () => (await readdir(directory)).filter((name) => !name.startsWith(TEMPORARY)),
    async replace(name, bytes) {
      const goesOn = appending.has(name);
      await stopAppending(name); // The handle would go on writing to the old file.
      const temporary = join(directory, `${TEMPORARY}${randomBytes(8).toString('hex')}`);
      try {
        await writeNew(temporary, bytes);
        await rename(temporary, join(directory, name));
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
      await syncDirectory();
      // Now, and not when the next record has to be on disk as soon as can be.
      if (goesOn) await startAppending(name);
    },
    async append(name, bytes) {
      let handle = appending.get(name);
      if (handle === undefined) {
        handle = await startAppending(name);
        await syncDirectory(); // It may be new.
      }
      for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
    },
    async remove(name) {
      await stopAppending(name);
      await rm(join(directory, name), { force: true });
      await syncDirectory();
    },
    async close() {
      for (const name of [...appending.keys()]) await stopAppending(name);
    },
  };
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** At once: these files are small, and to have another thread read one takes longer than to read it. */
function readIfPresent(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
