/** The same files make the same archive, whoever packs them, and when. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGzip } from 'node:zlib';

const run = promisify(execFile);

/** Order, time, owner and format are fixed; modes are in the files. */
const TAR_OPTIONS = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];

/** Packs a directory, under its own name, into `archive`. `executables` may be run, by everyone; the rest is read. */
export async function packDirectory(directory: string, archive: string, executables: readonly string[]): Promise<void> {
  await chmod(directory, 0o755);
  for (const name of await readdir(directory)) {
    await chmod(join(directory, name), executables.includes(name) ? 0o755 : 0o644);
  }
  const plain = `${archive}.tar`;
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  await run('tar', [...TAR_OPTIONS, '-cf', plain, '-C', dirname(directory), basename(directory)], { env });
  // By Node and not by gzip: the pinned one compresses alike everywhere, and writes neither time nor name.
  const level = constants.Z_BEST_COMPRESSION;
  await pipeline(createReadStream(plain), createGzip({ level }), createWriteStream(archive));
  await rm(plain);
}

/** SHA-256 of a file, and its length. */
export async function measure(file: string): Promise<{ readonly bytes: number; readonly digest: string }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { bytes: (await stat(file)).size, digest: hash.digest('base64url') };
}
