/** From the checkout to an archive of the agent and a statement of it. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { archiveNameOf, ReleaseStatement } from '#protocol';
import { AGENT_VERSION } from '../../agent/version.ts';
import { measure, packDirectory } from './archive.ts';
import { bundleAgent, type Bundle } from './bundle.ts';
import { makeExecutable, stripVersion } from './executable.ts';
import { writeLicences } from './licences.ts';
import { createOrigins, readLock, type Origins } from './origin.ts';
import { thisPlatform, type Platform } from './platform.ts';
import { signedFileOf, statementFileOf } from './release-files.ts';

export const TOP = fileURLToPath(new URL('../..', import.meta.url));
export const OUTPUT = join(TOP, '.cache', 'package');
const TARBALLS = join(OUTPUT, 'tarballs');

/** Names within the archive, all in one directory. */
export const EXECUTABLE = 'latchkey-agent';
export const ADDON = 'koffi.node';
const UNIT = 'agent/systemd/latchkey-agent.service';

export interface Built {
  readonly statement: ReleaseStatement;
  readonly archive: string;
  /** The statement as JSON, to be signed. */
  readonly statementFile: string;
  /** False when what was there came from the same inputs. */
  readonly fresh: boolean;
}

/** Everything that the archive depends on, except this checkout's place, the time and the name of who builds. */
interface Inputs {
  readonly platform: Platform;
  readonly node: string;
  readonly addon: string;
  readonly bundle: Bundle;
  readonly licences: string;
  readonly digest: string;
}

/** Builds into `out`, unless what is there was built from the same. */
export async function buildPackage(out: string = OUTPUT): Promise<Built> {
  await mkdir(out, { recursive: true });
  const work = await mkdtemp(join(out, 'work-'));
  try {
    const inputs = await gather(createOrigins({ tarballs: TARBALLS, work }), thisPlatform());
    const there = await findBuilt(out, inputs);
    return there ?? (await make(out, work, inputs));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function gather(origins: Origins, platform: Platform): Promise<Inputs> {
  const lock = await readLock(join(TOP, 'package-lock.json'));
  const node = lock.find(`node_modules/node-${platform.name}`);
  const nodeDirectory = await origins.unpack(node, ['bin/node', 'LICENSE']);
  const addon = lock.find(`node_modules/@koromix/koffi-${platform.name}`);
  const addonInside = `linux_${platform.architecture}/koffi.node`;
  const addonFile = join(await origins.unpack(addon, [addonInside]), addonInside);
  const sha256 = createHash('sha256')
    .update(await readFile(addonFile))
    .digest('hex');
  const bundle = await bundleAgent({ top: TOP, lock, origins, addon: { file: ADDON, sha256 } });
  const koffi = lock.find('node_modules/koffi');
  const licences = await writeLicences([
    { locked: node, directory: nodeDirectory },
    { locked: koffi, directory: await origins.unpack(koffi) },
    ...(await Promise.all(
      bundle.packages.map(async (locked) => ({ locked, directory: await origins.unpack(locked) })),
    )),
  ]);
  const pins = [node, addon, lock.find('node_modules/pkg'), lock.find('node_modules/postject')];
  const digest = digestOf([
    JSON.stringify([AGENT_VERSION, process.version, await stripVersion(), pins]),
    ...[bundle.script, licences, await readFile(join(TOP, UNIT)), await readFile(join(TOP, 'LICENSE'))],
    ...(await readAll(fileURLToPath(new URL('.', import.meta.url)))),
  ]);
  return { platform, node: join(nodeDirectory, 'bin/node'), addon: addonFile, bundle, licences, digest };
}

/** How it is built is an input, too. */
async function readAll(directory: string): Promise<Buffer[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ts')).toSorted();
  return Promise.all(names.map((name) => readFile(join(directory, name))));
}

function digestOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  // Each by its hash, so that no byte can move from one to the next.
  for (const part of parts) hash.update(createHash('sha256').update(part).digest());
  return hash.digest('hex');
}

const inputsFileOf = (archive: string) => `${archive}.inputs`;

async function findBuilt(out: string, { platform, digest }: Inputs): Promise<Built | null> {
  const archive = join(out, archiveNameOf(nameOf(platform)));
  const statementFile = statementFileOf(archive);
  try {
    if ((await readFile(inputsFileOf(archive), 'utf8')).trim() !== digest) return null;
    const statement = ReleaseStatement.parse(JSON.parse(await readFile(statementFile, 'utf8')));
    const { digest: measured } = await measure(archive);
    return measured === statement.digest ? { statement, archive, statementFile, fresh: false } : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function make(out: string, work: string, inputs: Inputs): Promise<Built> {
  const { platform, node, addon, bundle, licences } = inputs;
  const name = archiveNameOf(nameOf(platform));
  const directory = join(work, name.replace(/\.tar\.gz$/, ''));
  await mkdir(directory);
  const output = join(directory, EXECUTABLE);
  await makeExecutable({ work, node, output, script: bundle.script, architecture: platform.architecture });
  await copyFile(addon, join(directory, ADDON));
  await copyFile(join(TOP, UNIT), join(directory, 'latchkey-agent.service'));
  await copyFile(join(TOP, 'LICENSE'), join(directory, 'LICENSE'));
  await writeFile(join(directory, 'THIRD-PARTY-LICENSES'), licences);
  const packed = join(work, name);
  await packDirectory(directory, packed, [EXECUTABLE]);
  const statement = ReleaseStatement.parse({ v: 1, ...nameOf(platform), ...(await measure(packed)) });
  const archive = join(out, name);
  const statementFile = statementFileOf(archive);
  // A signature over what was here before says nothing of this.
  for (const stale of [inputsFileOf(archive), statementFile, signedFileOf(archive)]) await rm(stale, { force: true });
  await rename(packed, archive);
  await writeFile(statementFile, `${JSON.stringify(statement)}\n`);
  await writeFile(inputsFileOf(archive), `${inputs.digest}\n`);
  return { statement, archive, statementFile, fresh: true };
}

function nameOf({ name: platform }: Platform): Pick<ReleaseStatement, 'name' | 'version' | 'platform'> {
  return ReleaseStatement.pick({ name: true, version: true, platform: true }).parse({
    ...{ name: 'latchkey-agent', version: AGENT_VERSION, platform },
  });
}
