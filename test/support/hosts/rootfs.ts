import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readAptSources } from './apt-sources.ts';
import { ownedName } from './owner.ts';
import { mustRun } from './run.ts';

/** Debian releases the hosts can be. */
export type Suite = 'bookworm' | 'trixie';

/** What every host has beside mmdebstrap's smallest set: a login, ssh, a network, and what an installer needs; a name service beside the local
 * files; a clock of its own, which a container does not have. */
const PACKAGES = [
  'ca-certificates',
  'curl',
  'dbus',
  'iproute2',
  'libfaketime',
  'libnss-extrausers',
  'libpam-modules',
  'libpam-systemd',
  'login',
  'openssh-server',
  'passwd',
  'procps',
  'systemd',
  'systemd-sysv',
  'util-linux',
] as const;

const BUILD_TIMEOUT_MS = 15 * 60_000;
const BUILDER = fileURLToPath(new URL('build-rootfs.sh', import.meta.url));

/** Where root file systems are kept between runs: `LATCHKEY_TEST_CACHE`, or latchkey-test in the user's cache. */
export function cacheDirectory(): string {
  const env = process.env;
  return env['LATCHKEY_TEST_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? '/var/cache', 'latchkey-test');
}

/**
 * A directory with a Debian root file system that many hosts share and none writes to. It is made the first time (half a
 * minute or so) and found the next; what it is made from is in its name, so a change makes a new one. Processes that
 * want the same one at the same time wait for the first of them.
 *
 * @param more - Debian packages beside the usual ones: another root file system, made and kept like the others
 */
export async function ensureRootfs(suite: Suite = 'bookworm', more: readonly string[] = []): Promise<string> {
  const packages = [...PACKAGES, ...more];
  const recipe = [suite, ...packages, await readFile(BUILDER, 'utf8')].join('\n');
  const digest = createHash('sha256').update(recipe).digest('hex').slice(0, 16);
  const cache = cacheDirectory();
  const rootfs = join(cache, `rootfs-${suite}-${digest}`);
  if (existsSync(rootfs)) return rootfs; // it appears by a rename, so it is whole when it is there

  await mkdir(cache, { recursive: true });
  const scratch = join(tmpdir(), ownedName());
  await mkdir(scratch);
  try {
    const dump = await mustRun(['apt-config', 'dump', '--format', '%f "%v";%n']);
    const apt = readAptSources(suite, dump.stdout);
    const sources = join(scratch, 'sources.list');
    const options = join(scratch, 'apt.conf');
    await writeFile(sources, `${apt.lines.join('\n')}\n`);
    await writeFile(options, `${apt.options.join('\n')}\n`);
    await mustRun(['flock', join(cache, 'lock'), 'sh', BUILDER, suite, rootfs, packages.join(','), sources, options], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return rootfs;
}
