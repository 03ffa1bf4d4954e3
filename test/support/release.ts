import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import {
  archiveNameOf,
  ReleaseStatement,
  signJson,
  type ReleaseStatement as Statement,
  type SignedRelease,
  type Signer,
} from '#protocol';
import { join } from 'node:path';

/** Signs that, whatever it says. */
export async function signRelease(signer: Signer, statement: unknown): Promise<SignedRelease> {
  return { statement: await signJson(signer, 'release', statement), publicKey: signer.publicKey };
}

export interface WrittenRelease {
  readonly archive: string;
  readonly statement: string;
  readonly release: Statement;
}

/** A release of those bytes in a directory, as its maker hands it over: an archive, and a signed statement beside it. */
export async function writeRelease(
  directory: string,
  signer: Signer,
  bytes: Uint8Array,
  about: { readonly version?: string; readonly platform?: string } = {},
): Promise<WrittenRelease> {
  const { version = '1.2.3', platform = 'linux-x64' } = about;
  const digest = createHash('sha256').update(bytes).digest('base64url');
  const release = ReleaseStatement.parse({
    ...{ v: 1, name: 'latchkey-agent', version, platform, bytes: bytes.length, digest },
  });
  const archive = join(directory, archiveNameOf(release));
  const statement = archive.replace(/\.tar\.gz$/, '.json');
  await writeFile(archive, bytes);
  await writeFile(statement, JSON.stringify(await signRelease(signer, release)));
  return { archive, statement, release };
}

/** As `writeRelease`, of an archive that has been built. */
export async function signArchive(
  directory: string,
  signer: Signer,
  archive: string,
  about: { readonly version: string; readonly platform?: string },
): Promise<WrittenRelease> {
  return writeRelease(directory, signer, await readFile(archive), about);
}
