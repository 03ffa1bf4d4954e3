import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { archiveNameOf, ReleaseStatement, SignedRelease, signJson, type Thumbprint } from '#protocol';
import { writeKeyFile } from '../../control-plane/server/keys/key-files.ts';
import { newSigningKeyPem, signerOfFile } from '../../control-plane/server/keys/signing-key.ts';
import { measure } from './archive.ts';
import { PackageError } from './failure.ts';
import { signedFileOf, statementFileOf } from './release-files.ts';

export interface SignedFile {
  readonly signedFile: string;
  readonly key: Thumbprint;
  /** Whether the key was made for this. */
  readonly made: boolean;
}

/** Signs a statement with the key in `keyFile`, which is made, for its owner alone, when it is not there. */
export async function signRelease(keyFile: string, statementFile: string): Promise<SignedFile> {
  const { statement, archive } = await readStatement(statementFile);
  // The key says that this archive is a release: so it is looked at here, too, and not where it was built alone.
  const { bytes, digest } = await measure(archive);
  if (bytes !== statement.bytes || digest !== statement.digest) {
    throw new PackageError(`${archive} is not what the statement says.`, 'Build both anew; nothing was signed.');
  }
  const made = !existsSync(keyFile);
  if (made) writeKeyFile(dirname(keyFile), basename(keyFile), newSigningKeyPem());
  const signer = await signerOfFile(keyFile);
  const signed: SignedRelease = {
    statement: await signJson(signer, 'release', statement),
    publicKey: signer.publicKey,
  };
  const signedFile = signedFileOf(archive);
  await writeFile(`${signedFile}.new`, `${JSON.stringify(signed)}\n`);
  await rename(`${signedFile}.new`, signedFile);
  return { signedFile, key: signer.key, made };
}

async function readStatement(file: string): Promise<{ statement: ReleaseStatement; archive: string }> {
  const statement = ReleaseStatement.parse(JSON.parse(await readFile(file, 'utf8')));
  const archive = join(dirname(file), archiveNameOf(statement));
  if (basename(statementFileOf(archive)) !== basename(file)) {
    throw new PackageError(`${file} is the statement of another archive.`, 'Give each its own name.');
  }
  return { statement, archive };
}
