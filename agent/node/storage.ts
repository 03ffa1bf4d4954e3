import { randomBytes } from 'node:crypto';
import { constants, readFileSync } from 'node:fs';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from '../ports.ts';

const { O_CREAT, O_DSYNC, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const FILE_MODE = 0o600;
const TEMPORARY = '.tmp-';
/** Every write returns once on disk: one trip to another thread where a write and a flush would be two. */
const APPENDING = O_WRONLY | O_CREAT | O_DSYNC | O_NOFOLLOW;
/**
 * Files that are appended to have that much room at their end, as NUL bytes that are on disk: to write there changes
 * nothing but what is written, and the disk need not record that the file has grown.
 */
const ROOM_BYTES = 32 * 1024;

/** A file that is appended to: how far it is used, and how long it is. */
interface Appending {
  readonly handle: FileHandle;
  end: number;
  size: number;
}

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
  const appending = new Map<string, Appending>();

  const syncDirectory = async () => {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
  const stopAppending = async (name: string) => {
    const file = appending.get(name);
    appending.delete(name);
    await file?.handle.close();
  };
  const startAppending = async (name: string): Promise<Appending> => {
    const before = readIfPresent(join(directory, name)) ?? new Uint8Array();
    const handle = await open(join(directory, name), APPENDING, FILE_MODE);
    const file = { handle, end: before.findLastIndex((byte) => byte !== 0) + 1, size: before.length };
    appending.set(name, file);
    // Where there is no room to spare, each append asks for its own, and says so if there is none.
    await grow(file, file.end + ROOM_BYTES).catch(() => undefined);
    return file;
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
      // Now, and not when the next record has to be on disk as soon as can be. What fails here fails there again.
      if (goesOn) await startAppending(name).catch(() => stopAppending(name));
    },
    async append(name, bytes) {
      let file = appending.get(name);
      if (file === undefined) {
        file = await startAppending(name);
        await syncDirectory(); // It may be new.
      }
      if (file.end + bytes.length > file.size) await grow(file, file.end + bytes.length + ROOM_BYTES);
      await writeAt(file.handle, bytes, file.end);
      file.end += bytes.length;
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

async function grow(file: Appending, size: number): Promise<void> {
  if (size <= file.size) return;
  await writeAt(file.handle, new Uint8Array(size - file.size), file.size);
  file.size = size;
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
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
