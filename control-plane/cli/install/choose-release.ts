import {
  compareVersions,
  fingerprintOf,
  fromBase64Url,
  openRelease,
  verifyEd25519,
  type ReleaseList,
  type ReleasePlatform,
  type ReleaseStatement,
  type SignedRelease,
  type Thumbprint,
} from '#protocol';
import { clientError } from '../errors.ts';
import { readFingerprint } from '../identities/key-pins.ts';
import type { Ports } from '../ports.ts';
import { releaseKeyPinsOf } from '../state.ts';

/**
 * The releases, signed by the key that is pinned for this control plane. The first one that is seen is pinned, and said;
 * another is taken only when the operator names it.
 */
export async function believedReleases(
  { items }: ReleaseList,
  from: { readonly ports: Ports; readonly server: string; readonly named: string | undefined },
): Promise<readonly ReleaseStatement[]> {
  const { ports, server } = from;
  const store = releaseKeyPinsOf(ports);
  const pinned = await store.find(server);
  const named = from.named === undefined ? null : readFingerprint('--release-key', from.named);
  const key = named ?? pinned ?? items[0]?.statement.key ?? null;
  if (key === null) return [];
  const releases = await openReleases(items, key);
  if (key !== pinned) {
    await store.pin(server, key);
    const how = named === null ? 'seen for the first time; compare it with what its maker has published' : 'as named';
    ports.terminal.err(`The release key of ${server} is pinned: ${fingerprintOf(key)} (${how}).`);
  }
  return releases;
}

export function hexOf(digest: string): string {
  return Buffer.from(fromBase64Url(digest)).toString('hex');
}

/** Every release, believed, newest first: a list with one that the key has not signed is refused as a whole. */
async function openReleases(
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
  const subject = `${wanted.version ?? 'any finished version'} for ${wanted.platform}`;
  const message = releases.length === 0 ? 'no release has been added yet' : 'is not there';
  throw clientError('release-missing', [{ subject, code: 'release-missing', message }]);
}
