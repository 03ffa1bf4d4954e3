import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import {
  Digest,
  findKey,
  fromBase64Url,
  openSigned,
  SCRIPT_BYTES_MAX,
  ScriptStatement,
  sha256,
  SignedScript,
  signJson,
  toBase64Url,
  verifyEd25519,
  type KeySet,
  type OperatingSystem,
  type Signer,
} from '#protocol';
import type { CatalogueScript } from '../service/ports.ts';
import { KeyringError } from './errors.ts';
import { readJsonFile } from './key-files.ts';
import { FILES } from './layout.ts';

/** The scripts that instances run, each signed by a script key: `catalogue.json`. */

/** The scripts that ship with this release. */
export const SCRIPTS_DIR = fileURLToPath(new URL('../../../scripts/instance/', import.meta.url));

/** Null for a system that this release has no script for. */
export type Scripts = Readonly<Record<OperatingSystem, CatalogueScript | null>>;

export const CatalogueFile = z.strictObject({ v: z.literal(1), scripts: z.array(SignedScript).min(1).max(16) });
export type CatalogueFile = z.infer<typeof CatalogueFile>;

const SOURCES = [
  { name: 'reset-linux', os: 'linux', file: 'reset-linux.sh' },
  { name: 'reset-windows', os: 'windows', file: 'reset-windows.ps1' },
] as const satisfies readonly { name: ScriptStatement['name']; os: OperatingSystem; file: string }[];

interface Source {
  readonly name: ScriptStatement['name'];
  readonly os: OperatingSystem;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** The scripts of this release as they are on disk. */
async function readSources(scriptsDir: string): Promise<Source[]> {
  const sources: Source[] = [];
  for (const { name, os, file } of SOURCES) {
    const path = join(scriptsDir, file);
    if (!existsSync(path)) continue;
    const bytes = readFileSync(path);
    if (bytes.length === 0 || bytes.length > SCRIPT_BYTES_MAX) {
      throw new KeyringError('catalogue-invalid', `"${path}" must have 1 to ${SCRIPT_BYTES_MAX} bytes.`);
    }
    sources.push({ name, os, bytes, digest: await sha256(bytes) });
  }
  if (sources.length === 0) {
    throw new KeyringError('catalogue-invalid', `"${scriptsDir}" holds no reset script. Install Latchkey again.`);
  }
  return sources;
}

/** Signs what is on disk. A script that changed since `before` gets the next version. */
export async function buildCatalogue(
  signer: Signer,
  scriptsDir: string,
  before: readonly ScriptStatement[] = [],
): Promise<CatalogueFile> {
  const scripts: SignedScript[] = [];
  for (const { name, os, bytes, digest } of await readSources(scriptsDir)) {
    const known = before.find((statement) => statement.name === name);
    const version = known === undefined ? 1 : known.digest === digest ? known.version : known.version + 1;
    const body = ScriptStatement.parse({ v: 1, name, os, version, digest });
    scripts.push({ statement: await signJson(signer, 'script', body), bytes: toBase64Url(bytes) });
  }
  return CatalogueFile.parse({ v: 1, scripts });
}

interface OpenedScript {
  readonly statement: ScriptStatement;
  readonly script: SignedScript;
}

/** Reads the catalogue and verifies each signature under a script key of the set. Throws `catalogue-invalid`. */
export async function readCatalogue(dir: string, keySet: KeySet): Promise<readonly OpenedScript[]> {
  const path = join(dir, FILES.catalogue);
  const { scripts } = readJsonFile(path, CatalogueFile);
  return Promise.all(scripts.map(async (script) => ({ script, statement: await open(path, keySet, script) })));
}

async function open(path: string, keySet: KeySet, { statement, bytes }: SignedScript): Promise<ScriptStatement> {
  const signer = findKey(keySet, 'script', statement.key);
  if (!signer.ok) {
    throw invalid(`"${path}" is signed by a key that is no active script key of the key set (${signer.why}).`);
  }
  const opened = await openSigned(verifyEd25519, signer.publicKey, 'script', ScriptStatement, statement);
  if (!opened.ok) throw invalid(`A signature in "${path}" does not hold (${opened.why}).`);
  if ((await sha256(fromBase64Url(bytes))) !== opened.body.digest) {
    throw invalid(`A script in "${path}" is not the one that was signed.`);
  }
  return opened.body;
}

function invalid(what: string): KeyringError {
  return new KeyringError('catalogue-invalid', `${what} ${SIGN_AGAIN}`);
}

const SIGN_AGAIN = 'Sign it again where the script key is: latchkey server sign-catalogue --script-key FILE';

/** The scripts to hand out, once the catalogue was found to be of this release. Throws `catalogue-outdated`. */
export async function matchScripts(catalogue: readonly OpenedScript[], scriptsDir: string): Promise<Scripts> {
  const found: Record<OperatingSystem, CatalogueScript | null> = { linux: null, windows: null };
  for (const source of await readSources(scriptsDir)) {
    const entry = catalogue.find(({ statement }) => statement.name === source.name);
    if (entry?.statement.digest !== source.digest) {
      throw new KeyringError(
        'catalogue-outdated',
        `The script "${source.name}" of this release is not in the signed catalogue. ${SIGN_AGAIN}`,
      );
    }
    found[source.os] = { digest: source.digest, script: entry.script };
  }
  return found;
}
