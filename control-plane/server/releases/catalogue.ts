import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  archiveNameOf,
  compareVersions,
  openRelease,
  SignedRelease,
  Thumbprint,
  verifyEd25519,
  type ReleaseStatement,
} from '#protocol';
import { SCRIPTS_DIR } from '../keys/catalogue.ts';
import { FILES } from '../keys/layout.ts';
import { readKeyFile } from '../keys/key-files.ts';
import { ReleaseError } from './errors.ts';

/** The releases that this control plane hands out: each an archive and its statement, below `--data`. */
export interface ReleaseCatalogue {
  /** Newest first. Only what the pinned key has signed, and only where the archive is there with its size. */
  list(): Promise<readonly SignedRelease[]>;
  /** The bytes of an archive of the list, by its name; null for every other name. */
  open(archive: string): Promise<{ readonly bytes: number; readonly stream: Readable } | null>;
}

const STATEMENT_BYTES_MAX = 4 * 1024;
const STATEMENTS_MAX = 1_000;

interface Entry {
  readonly archive: string;
  readonly release: ReleaseStatement;
  readonly signed: SignedRelease;
}

/**
 * Reads the directory as it is: `add-release` may have put something there since. What is damaged or signed by another
 * key is left out, since nobody would believe it; whoever installs checks all of it again.
 */
export function createReleaseCatalogue({ dir, keysDir }: { dir: string; keysDir: string }): ReleaseCatalogue {
  let known: { readonly state: string; readonly entries: readonly Entry[] } | null = null;

  async function entries(): Promise<readonly Entry[]> {
    const key = pinnedReleaseKey(keysDir);
    if (key === null || !existsSync(dir)) return [];
    // Files come and go by renaming, which the directory's own time shows.
    const state = `${key} ${statSync(dir, { bigint: true }).mtimeNs.toString()}`;
    if (known?.state !== state) known = { state, entries: await readEntries(dir, key) };
    return known.entries;
  }

  return {
    list: async () => (await entries()).map(({ signed }) => signed),
    open: async (archive) => {
      // Looked for in the list: what a caller sends never becomes part of a path.
      const entry = (await entries()).find((each) => each.archive === archive);
      if (entry === undefined) return null;
      return { bytes: entry.release.bytes, stream: createReadStream(join(dir, entry.archive)) };
    },
  };
}

async function readEntries(dir: string, key: Thumbprint): Promise<readonly Entry[]> {
  const names = readdirSync(dir).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  const entries: Entry[] = [];
  for (const name of names.slice(0, STATEMENTS_MAX)) {
    const signed = parseStatement(readFileSync(join(dir, name)));
    const verdict = signed === null ? null : await openRelease(verifyEd25519, key, signed);
    if (signed === null || verdict?.ok !== true) continue;
    const { release } = verdict;
    const archive = archiveNameOf(release);
    const path = join(dir, archive);
    const whole = existsSync(path) && statSync(path).size === release.bytes;
    if (whole && name === statementNameOf(release)) entries.push({ archive, release, signed });
  }
  return entries.toSorted((a, b) => compareVersions(a.release.version, b.release.version));
}

export function statementNameOf(release: ReleaseStatement): string {
  return archiveNameOf(release).replace(/\.tar\.gz$/, '.json');
}

/** Null for bytes that are no statement. */
export function parseStatement(bytes: Buffer): SignedRelease | null {
  if (bytes.length > STATEMENT_BYTES_MAX) return null;
  try {
    const parsed = SignedRelease.safeParse(JSON.parse(bytes.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // Not JSON.
  }
}

/** What a host runs to install the agent, as it ships with this version. */
export function readInstallScript(): string {
  return readFileSync(join(SCRIPTS_DIR, 'install-linux.sh'), 'utf8');
}

/** The key whose releases are taken; null before the first one was added. */
export function pinnedReleaseKey(keysDir: string): Thumbprint | null {
  const path = join(keysDir, FILES.releaseKey);
  if (!existsSync(path)) return null;
  const key = Thumbprint.safeParse(
    readKeyFile(path, 'public')
      .trim()
      .replace(/^SHA256:/, ''),
  );
  if (key.success) return key.data;
  throw new ReleaseError('release-key-unknown', `"${path}" does not hold the fingerprint of a key. Restore it.`);
}
