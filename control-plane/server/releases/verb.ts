import { join } from 'node:path';
import { fingerprintOf, Thumbprint } from '#protocol';
import type { ServerConfig } from '../config.ts';
import { RELEASES_DIRECTORY } from '../data-directory.ts';
import { addRelease } from './add-release.ts';
import { ReleaseError } from './errors.ts';

/** `latchkey server add-release`: what it says when it is done. */
export async function addReleaseVerb(
  { dataDir, keysDir }: Pick<ServerConfig, 'dataDir' | 'keysDir'>,
  given: { readonly archive: string; readonly statement: string | undefined; readonly releaseKey: string | undefined },
): Promise<string> {
  const { archive } = given;
  const { release, releaseKey, added } = await addRelease({
    dir: join(dataDir, RELEASES_DIRECTORY),
    keysDir,
    archive,
    statement: given.statement ?? archive.replace(/\.tar\.gz$/, '.json'),
    releaseKey: given.releaseKey === undefined ? null : parseFingerprint(given.releaseKey),
  });
  const what = `${release.name} ${release.version} for ${release.platform}`;
  const by = `signed by ${fingerprintOf(releaseKey)}`;
  return added ? `Added ${what}, ${by}. It is handed out from now on.` : `${what}, ${by}, is there already.`;
}

function parseFingerprint(text: string): Thumbprint {
  const key = Thumbprint.safeParse(text.replace(/^SHA256:/, ''));
  if (key.success) return key.data;
  throw new ReleaseError('release-key-unknown', `"${text}" is not the fingerprint of a key, such as SHA256:….`);
}
