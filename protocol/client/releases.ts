import { fromBase64Url } from '../encoding.ts';
import type { Thumbprint } from '../ids.ts';
import {
  compareVersions,
  openRelease,
  type ReleasePlatform,
  type ReleaseStatement,
  type SignedRelease,
} from '../release.ts';
import type { Verify } from '../signing.ts';

export type ReleasesVerdict =
  | { readonly ok: true; readonly releases: readonly ReleaseStatement[] }
  /** Signed by another key than the one that is believed. */
  | { readonly ok: false; readonly why: 'other-key'; readonly presented: Thumbprint }
  | { readonly ok: false; readonly why: 'unsigned' };

/** Every release, believed, newest first: a list with one that the key has not signed is refused as a whole. */
export async function openReleases(
  verify: Verify,
  signed: readonly SignedRelease[],
  releaseKey: Thumbprint,
): Promise<ReleasesVerdict> {
  const releases: ReleaseStatement[] = [];
  for (const one of signed) {
    const verdict = await openRelease(verify, releaseKey, one);
    if (verdict.ok) releases.push(verdict.release);
    else if (verdict.why === 'other-key') return { ok: false, why: 'other-key', presented: one.statement.key };
    else return { ok: false, why: 'unsigned' };
  }
  // By ourselves: in another order, an old release would pass for the newest.
  return { ok: true, releases: releases.toSorted((a, b) => compareVersions(a.version, b.version)) };
}

/** Of releases, newest first: that version, or the newest that is not marked as unfinished, for that platform. */
export function chooseRelease(
  releases: readonly ReleaseStatement[],
  wanted: { readonly version: string | null; readonly platform: ReleasePlatform },
): ReleaseStatement | null {
  const fitting = releases.filter(({ platform }) => platform === wanted.platform);
  const chosen = fitting.find(({ version }) =>
    wanted.version === null ? !version.includes('-') : version === wanted.version,
  );
  return chosen ?? null;
}

/** A digest as programs such as sha256sum write it. */
export function hexOf(digest: string): string {
  return Array.from(fromBase64Url(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
