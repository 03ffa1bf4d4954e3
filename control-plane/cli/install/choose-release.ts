import {
  compareVersions,
  fingerprintOf,
  openRelease,
  verifyEd25519,
  type ReleasePlatform,
  type ReleaseStatement,
  type SignedRelease,
  type Thumbprint,
} from '#protocol';
import { clientError } from '../errors.ts';

/** Every release, believed, newest first: a list with one that the key has not signed is refused as a whole. */
export async function openReleases(
  signed: readonly SignedRelease[],
  releaseKey: Thumbprint,
): Promise<readonly ReleaseStatement[]> {
  const releases: ReleaseStatement[] = [];
  for (const one of signed) {
    const verdict = await openRelease(verifyEd25519, releaseKey, one);
    if (verdict.ok) releases.push(verdict.release);
    else if (verdict.why === 'other-key') throw otherKey(releaseKey, one.statement.key);
    else throw clientError('release-unsigned');
  }
  // By ourselves: in another order, an old release would pass for the newest.
  return releases.toSorted((a, b) => compareVersions(a.version, b.version));
}

function otherKey(pinned: Thumbprint, presented: Thumbprint) {
  const message = `pinned ${fingerprintOf(pinned)}, presented ${fingerprintOf(presented)}`;
  return clientError('release-key-changed', [{ subject: 'release key', code: 'release-key-changed', message }]);
}

/** That version, or the newest that is not marked as unfinished, for that platform. */
export function chooseRelease(
  releases: readonly ReleaseStatement[],
  wanted: { readonly version: string | null; readonly platform: ReleasePlatform },
): ReleaseStatement {
  const fitting = releases.filter(({ platform }) => platform === wanted.platform);
  const chosen = fitting.find(({ version }) =>
    wanted.version === null ? !version.includes('-') : version === wanted.version,
  );
  if (chosen !== undefined) return chosen;
  const what = `${wanted.version ?? 'any finished version'} for ${wanted.platform}`;
  throw clientError('release-missing', [{ subject: what, code: 'release-missing', message: 'is not there' }]);
}
