import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { giveToOwnerOf } from '../ownership.ts';
import { KeyringError } from './errors.ts';

/** The files of a keys directory. Each appears whole or not at all, and nobody but its owner can read it. */

const FILE_BYTES_MAX = 1024 * 1024;

/** Created with mode 0700 if it is not there. An existing one keeps its mode: the files have theirs. */
export function makeKeysDirectory(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
}

/** Writes durably under another name first, so that a crash leaves the old content or the new. */
export function writeKeyFile(dir: string, name: string, content: string): void {
  const target = join(dir, name);
  const temporary = join(dir, `.${name}.${randomBytes(6).toString('hex')}`);
  // Exclusive creation: never through a link that somebody put there.
  const file = openSync(temporary, 'wx', 0o600);
  try {
    // The process's umask may have taken more than it should.
    fchmodSync(file, 0o600);
    giveToOwnerOf(existsSync(target) ? target : dir, file);
    writeSync(file, content);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, target);
  syncDirectory(dir);
}

/** Gives a file of the directory another name, durably. */
export function renameKeyFile(dir: string, from: string, to: string): void {
  renameSync(join(dir, from), join(dir, to));
  syncDirectory(dir);
}

function syncDirectory(dir: string): void {
  if (process.platform === 'win32') return; // Directories cannot be opened there; NTFS journals the entry.
  const directory = openSync(dir, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Whom a file must not be open to: bits of its mode that must not be set. */
const FORBIDDEN = {
  /** A private key. */
  secret: 0o077,
  /** A private key that other tools hand out through a group. */
  'group-may-read': 0o037,
  /** What everybody may know and nobody else may change. */
  public: 0o022,
} as const;

/** Text of a file of the right mode. Throws `key-file-missing`, `key-file-exposed`. */
export function readKeyFile(path: string, exposure: keyof typeof FORBIDDEN = 'secret'): string {
  if (!existsSync(path)) {
    throw new KeyringError('key-file-missing', `"${path}" is missing. Restore it from your backup of the keys.`);
  }
  const file = openSync(path, 'r');
  try {
    const { mode, size } = fstatSync(file);
    if (process.platform !== 'win32' && (mode & FORBIDDEN[exposure]) !== 0) {
      throw new KeyringError(
        'key-file-exposed',
        `Others than its owner can reach "${path}" (mode ${(mode & 0o777).toString(8)}). ` +
          `Find out who may have used that, then: chmod 600 "${path}"`,
      );
    }
    if (size > FILE_BYTES_MAX) throw new KeyringError('key-file-malformed', `"${path}" is too large to be a key file.`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** A JSON file of the directory, checked; these are signed and hold no secret. Throws `key-file-malformed` too. */
export function readJsonFile<S extends z.ZodType>(path: string, schema: S): z.infer<S> {
  const text = readKeyFile(path, 'public');
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new KeyringError('key-file-malformed', `"${path}" is damaged. Restore it from your backup of the keys.`, {
      cause,
    });
  }
}

export function toJsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
