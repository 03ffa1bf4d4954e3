import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './hosts/rootfs.ts';
import { mustRun } from './hosts/run.ts';

const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

/**
 * The checker of Debian's Prometheus, unpacked into the cache of the tests: to install the package would start a server
 * on this machine.
 */
export async function promtool(): Promise<string> {
  const cache = cacheDirectory();
  const program = join(cache, 'prometheus', 'usr', 'bin', 'promtool');
  if (existsSync(program)) return program;
  await mkdir(cache, { recursive: true });
  const building = await mkdtemp(join(cache, 'prometheus-'));
  try {
    await mustRun(['apt-get', '-q', 'download', 'prometheus'], { cwd: building, timeoutMs: DOWNLOAD_TIMEOUT_MS });
    const archive = (await readdir(building)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get brought no package');
    const unpacked = join(building, 'unpacked');
    await mustRun(['dpkg-deb', '--extract', join(building, archive), unpacked], { timeoutMs: DOWNLOAD_TIMEOUT_MS });
    // Another process may have been faster.
    if (!existsSync(program)) await rename(unpacked, join(cache, 'prometheus'));
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return program;
}
