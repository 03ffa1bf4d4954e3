import {
  chooseRelease,
  fingerprintOf,
  openReleases,
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
  const releases = await openOrRefuse(items, key);
  if (key !== pinned) {
    await store.pin(server, key);
    const how = named === null ? 'seen for the first time; compare it with what its maker has published' : 'as named';
    ports.terminal.err(`The release key of ${server} is pinned: ${fingerprintOf(key)} (${how}).`);
  }
  return releases;
}

async function openOrRefuse(
  signed: readonly SignedRelease[],
  releaseKey: Thumbprint,
): Promise<readonly ReleaseStatement[]> {
  const verdict = await openReleases(verifyEd25519, signed, releaseKey);
  if (verdict.ok) return verdict.releases;
  throw verdict.why === 'other-key' ? otherKey(releaseKey, verdict.presented) : clientError('release-unsigned');
}

function otherKey(pinned: Thumbprint, presented: Thumbprint) {
  const message = `pinned ${fingerprintOf(pinned)}, presented ${fingerprintOf(presented)}`;
  return clientError('release-key-changed', [{ subject: 'release key', code: 'release-key-changed', message }]);
}

/** That version, or the newest that is not marked as unfinished, for that platform. */
export function releaseFor(
  releases: readonly ReleaseStatement[],
  wanted: { readonly version: string | null; readonly platform: ReleasePlatform },
): ReleaseStatement {
  const chosen = chooseRelease(releases, wanted);
  if (chosen !== null) return chosen;
  const subject = `${wanted.version ?? 'any finished version'} for ${wanted.platform}`;
  const message = releases.length === 0 ? 'no release has been added yet' : 'is not there';
  throw clientError('release-missing', [{ subject, code: 'release-missing', message }]);
}
