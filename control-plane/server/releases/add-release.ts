import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  archiveNameOf,
  fingerprintOf,
  openRelease,
  verifyEd25519,
  type ReleaseStatement,
  type SignedRelease,
  type Thumbprint,
} from '#protocol';
import { makeKeysDirectory, writeKeyFile } from '../keys/key-files.ts';
import { FILES } from '../keys/layout.ts';
import { parseStatement, pinnedReleaseKey, statementNameOf } from './catalogue.ts';
import { ReleaseError } from './errors.ts';

export interface AddRelease {
  /** Where releases lie; made when it is not there. */
  readonly dir: string;
  readonly keysDir: string;
  readonly archive: string;
  readonly statement: string;
  /** Named by the operator: needed for the first release, compared with the pin from then on. */
  readonly releaseKey: Thumbprint | null;
}

export interface AddedRelease {
  readonly release: ReleaseStatement;
  readonly releaseKey: Thumbprint;
  /** False when it was there already. */
  readonly added: boolean;
}

/**
 * Takes a release into the catalogue, once all of it has been checked: the key, the signature, size and hash of the
 * archive. A server that runs hands it out from the next request on. A version never changes: another archive under the
 * same name is refused.
 */
export async function addRelease(request: AddRelease): Promise<AddedRelease> {
  const { dir, keysDir } = request;
  const signed = readStatement(request.statement);
  const pinned = pinnedReleaseKey(keysDir);
  const releaseKey = judgeKey(pinned, request.releaseKey, signed);
  const verdict = await openRelease(verifyEd25519, releaseKey, signed);
  if (!verdict.ok) {
    throw new ReleaseError(
      verdict.why === 'malformed' ? 'release-statement-malformed' : 'release-signature-wrong',
      `"${request.statement}" is not a statement that ${fingerprintOf(releaseKey)} has signed. Get it anew from who made the release.`,
    );
  }
  const { release } = verdict;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const statement = join(dir, statementNameOf(release));
  if (existsSync(statement)) {
    await refuseOther(statement, releaseKey, release);
    return { release, releaseKey, added: false };
  }
  await copyChecked(request.archive, dir, release);
  if (pinned === null) {
    makeKeysDirectory(keysDir);
    writeKeyFile(keysDir, FILES.releaseKey, `${fingerprintOf(releaseKey)}\n`);
  }
  // Last: the statement is what makes it a release.
  writeKeyFile(dir, statementNameOf(release), `${JSON.stringify(signed)}\n`);
  return { release, releaseKey, added: true };
}

function readStatement(path: string): SignedRelease {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new ReleaseError('release-file-unreadable', `"${path}" cannot be read.`, { cause });
  }
  const signed = parseStatement(bytes);
  if (signed !== null) return signed;
  throw new ReleaseError('release-statement-malformed', `"${path}" is not the statement of a release.`);
}

/** The key to believe. Nothing is trusted because it lies beside the archive: the operator names the key, once. */
function judgeKey(pinned: Thumbprint | null, named: Thumbprint | null, { statement }: SignedRelease): Thumbprint {
  if (pinned !== null && named !== null && pinned !== named) {
    throw new ReleaseError(
      'release-key-differs',
      `This control plane takes releases of ${fingerprintOf(pinned)} alone. If the key was replaced, remove the file ` +
        `"${FILES.releaseKey}" from the keys directory; releases of the old key are then no longer handed out.`,
    );
  }
  const key = pinned ?? named;
  if (key === null) {
    throw new ReleaseError(
      'release-key-unknown',
      `No release key is known yet, and this release says that it is ${fingerprintOf(statement.key)}. Compare that with ` +
        `what its maker has published, then run this again with --release-key ${fingerprintOf(statement.key)}`,
    );
  }
  if (key === statement.key) return key;
  throw new ReleaseError(
    'release-key-differs',
    `The release is signed by ${fingerprintOf(statement.key)}, and only ${fingerprintOf(key)} is believed.`,
  );
}

async function refuseOther(path: string, key: Thumbprint, release: ReleaseStatement): Promise<void> {
  const there = await openRelease(verifyEd25519, key, readStatement(path));
  if (there.ok && there.release.digest === release.digest) return;
  throw new ReleaseError(
    'release-exists',
    `There is another ${archiveNameOf(release)} already. A version never changes: give the new one a number of its own.`,
  );
}

/** Copies under another name, and gives it its own once what was written is what the statement says. */
async function copyChecked(from: string, dir: string, release: ReleaseStatement): Promise<void> {
  const temporary = join(dir, `.${archiveNameOf(release)}.${randomBytes(6).toString('hex')}`);
  const hash = createHash('sha256');
  let bytes = 0;
  const measured = async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      bytes += chunk.length;
      // More than it should be is wrong already, and no reason to fill the disk.
      if (bytes > release.bytes) return;
      hash.update(chunk);
      yield chunk;
    }
  };
  try {
    await pipeline(createReadStream(from), measured, createWriteStream(temporary, { flags: 'wx', mode: 0o600 }));
    if (bytes !== release.bytes || hash.digest('base64url') !== release.digest) {
      throw new ReleaseError('release-archive-differs', `"${from}" is not the archive that its statement names.`);
    }
    syncFile(temporary);
    renameSync(temporary, join(dir, archiveNameOf(release)));
  } catch (cause) {
    rmSync(temporary, { force: true });
    if (cause instanceof ReleaseError) throw cause;
    const why = cause instanceof Error ? cause.message : 'unknown error';
    throw new ReleaseError('release-file-unreadable', `The archive could not be copied: ${why}`, { cause });
  }
}

function syncFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
