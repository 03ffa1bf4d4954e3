import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCodeOf } from '../errors.ts';
import type { Files } from '../ports.ts';

const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/** The file system of this machine, for the user of that number; undefined where there are no such numbers. */
export function createFiles(uid: number | undefined = process.getuid?.()): Files {
  return {
    async read(path, bytesMax) {
      const file = await open(path, 'r').catch(missingAsNull);
      if (file === null) return null;
      try {
        const { mode, size } = await file.stat();
        if (size > bytesMax) throw Object.assign(new Error('the file is too large'), { code: 'EFBIG' });
        const text = await readBounded(file, bytesMax);
        // Windows has no such bits; its access lists are not looked at.
        return { text, mode: process.platform === 'win32' ? null : mode };
      } finally {
        await file.close();
      }
    },

    async weakness(path) {
      return (
        (await weaknessOf(path, 'it', uid)) ?? (await weaknessOf(dirname(path), `its folder ${dirname(path)}`, uid))
      );
    },

    async writeAtomically(path, text) {
      await mkdir(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
      const temporary = `${path}.${randomUUID()}.tmp`;
      try {
        const file = await open(temporary, 'wx', PRIVATE_FILE);
        try {
          await file.writeFile(text);
          // Content before name: a crash must not leave the name with nothing behind it.
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },

    async createPrivate(path) {
      const file = await open(path, 'wx', PRIVATE_FILE);
      return {
        async write(text) {
          try {
            await file.writeFile(text);
            await file.sync();
          } finally {
            await file.close();
          }
        },
        async discard() {
          await file.close();
          await rm(path, { force: true });
        },
      };
    },

    remove: (path) => rm(path, { force: true }),

    async removeOlderThan(directory, ageMs) {
      const names = await readdir(directory).catch(() => []);
      for (const name of names) {
        const path = join(directory, name);
        const found = await stat(path).catch(() => null);
        if (found?.isFile() === true && Date.now() - found.mtimeMs > ageMs) await rm(path, { force: true });
      }
    },
  };
}

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

async function weaknessOf(path: string, subject: string, own: number | undefined): Promise<string | null> {
  const found = own === undefined ? null : await stat(path).catch(missingAsNull);
  if (found === null) return null;
  if (found.uid !== own && found.uid !== 0) return `${subject} belongs to another user (${String(found.uid)})`;
  // In a folder like /tmp others can make files, and touch none of ours.
  const isShared = found.isDirectory() && (found.mode & STICKY) !== 0;
  return (found.mode & WRITABLE_BY_OTHERS) !== 0 && !isShared ? `${subject} can be written by other users` : null;
}

/** A pipe (`/dev/fd/63`) has no size, so the limit is kept while reading. */
async function readBounded(file: Awaited<ReturnType<typeof open>>, bytesMax: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bytesMax) throw Object.assign(new Error('the file is too large'), { code: 'EFBIG' });
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function missingAsNull(error: unknown): null {
  if (systemCodeOf(error) === 'ENOENT') return null;
  throw error;
}
