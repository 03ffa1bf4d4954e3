/** Keeps the bytes of reset scripts by digest. */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export const SCRIPT_BYTES_MAX = 64 * 1024;

export interface ScriptStore {
  /**
   * The path of a file that holds exactly these bytes. Hashed again at every call: what runs is what was signed.
   * null where bytes and digest do not belong together. Throws where the disk refuses.
   */
  place(bytes: Buffer, digest: string): string | null;
}

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** `digest` is SHA-256 in lower-case hex. `directory` belongs to root alone. */
export function createScriptStore(directory: string): ScriptStore {
  return {
    place(bytes, digest) {
      if (!/^[0-9a-f]{64}$/.test(digest) || bytes.length > SCRIPT_BYTES_MAX || digestOf(bytes) !== digest) return null;
      const path = join(directory, `${digest}.sh`);
      if (!holds(path, digest)) write(directory, path, bytes);
      return path;
    },
  };
}

function holds(path: string, digest: string): boolean {
  try {
    return digestOf(readFileSync(path)) === digest;
  } catch {
    return false;
  }
}

function write(directory: string, path: string, bytes: Buffer): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    fchmodSync(descriptor, 0o600);
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
