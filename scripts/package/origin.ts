/** npm packages as package-lock.json pins them: what is used of them is proven to be what was locked. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { PackageError } from './failure.ts';

const run = promisify(execFile);
const NPM_MS_MAX = 10 * 60_000;

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-…`, of the tarball. */
  readonly integrity: string;
  readonly license: string;
}

interface LockFile {
  readonly packages: Readonly<
    Record<string, { name?: string; version?: string; integrity?: string; license?: string } | undefined>
  >;
}

export interface Lock {
  /** `directory` is where it is installed: `node_modules/ws`. */
  find(directory: string): LockedPackage;
}

export async function readLock(file: string): Promise<Lock> {
  const { packages } = JSON.parse(await readFile(file, 'utf8')) as LockFile;
  return {
    find(directory) {
      const { name, version, integrity, license = 'unknown' } = packages[directory] ?? {};
      // SHA-1, which old locks have, proves nothing.
      if (version === undefined || integrity?.startsWith('sha512-') !== true) {
        throw new PackageError(`package-lock.json pins no ${directory} by SHA-512.`, 'Run npm install, and look why.');
      }
      return { name: name ?? directory.replace(/^.*node_modules\//, ''), version, integrity, license };
    },
  };
}

export interface Origins {
  /** Unpacks the tarball, or only those files of it, into a new directory below the work directory. */
  unpack(locked: LockedPackage, files?: readonly string[]): Promise<string>;
}

/**
 * `tarballs` keeps what was fetched, `work` is thrown away after the build. A tarball is hashed each time it is used, so
 * nothing depends on what has happened to either, or to node_modules, in between.
 */
export function createOrigins(places: { readonly tarballs: string; readonly work: string }): Origins {
  return {
    async unpack(locked, files = []) {
      const tarball = await fetchTarball(locked, places.tarballs);
      const into = await mkdtemp(join(places.work, 'origin-'));
      // npm's own tarballs have everything below one directory, whatever its name.
      const wanted = files.map((file) => `package/${file}`);
      await run('tar', ['-xzf', tarball, '-C', into, '--strip-components=1', '--no-same-owner', ...wanted]);
      return into;
    },
  };
}

async function fetchTarball(locked: LockedPackage, tarballs: string): Promise<string> {
  const { name, version, integrity } = locked;
  await mkdir(tarballs, { recursive: true });
  const kept = join(tarballs, `${Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')}.tgz`);
  if (await isWhole(kept, integrity)) return kept;
  const fetched = await mkdtemp(join(tarballs, 'fetch-'));
  try {
    const spec = `${name}@${version}`;
    // From npm's cache where `npm ci` has left it there, otherwise from the registry that npm is set to.
    const args = ['pack', spec, '--prefer-offline', '--json', '--loglevel=error', '--pack-destination', fetched];
    const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
    const { stdout } = await run('npm', args, { env, timeout: NPM_MS_MAX, maxBuffer: 64 * 1024 * 1024 });
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    const file = join(fetched, packed?.filename ?? '');
    if (!(await isWhole(file, integrity))) {
      throw new PackageError(
        `${spec} from the registry is not what package-lock.json pins (${integrity}).`,
        'Find out who changed which; nothing was built.',
      );
    }
    await rename(file, kept);
    return kept;
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
}

async function isWhole(file: string, integrity: string): Promise<boolean> {
  const hash = createHash('sha512');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
  return `sha512-${hash.digest('base64')}` === integrity;
}
