import { openReleases, verifyEd25519, type ReleaseList, type ReleaseStatement, type Thumbprint } from '#protocol';
import type { InstallPlatform } from './form.ts';

/** What the control plane offers to install, as far as it can be believed here. */
export type Catalogue =
  | { readonly is: 'empty' }
  | { readonly is: 'unsigned' | 'other-key'; readonly key: Thumbprint }
  | {
      readonly is: 'good';
      /** The one key that signed them all. */
      readonly key: Thumbprint;
      /** Newest first. */
      readonly releases: readonly ReleaseStatement[];
      /** SHA-256 of the installation script. */
      readonly installScript: ReleaseList['installScript'];
    };

/** Checks every signature by the key that the newest names: a browser has no pinned one to compare it with. */
export async function believe({ items, installScript }: ReleaseList): Promise<Catalogue> {
  const key = items[0]?.statement.key;
  if (key === undefined) return { is: 'empty' };
  const verdict = await openReleases(verifyEd25519, items, key);
  if (!verdict.ok) return { is: verdict.why, key };
  return { is: 'good', key, releases: verdict.releases, installScript };
}

export interface VersionOption {
  readonly version: string;
  readonly mark: 'recommended' | 'unfinished' | null;
}

/** The versions for a processor, newest first; the newest finished one is recommended. */
export function versionsFor(
  releases: readonly ReleaseStatement[],
  platform: InstallPlatform,
): readonly VersionOption[] {
  const fitting = releases.filter((release) => release.platform === platform).map(({ version }) => version);
  const recommended = fitting.find((version) => !version.includes('-'));
  return fitting.map((version) => {
    if (version === recommended) return { version, mark: 'recommended' };
    return { version, mark: version.includes('-') ? 'unfinished' : null };
  });
}
