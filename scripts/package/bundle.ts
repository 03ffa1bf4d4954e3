/** The agent's TypeScript and what it imports, as one script. */
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { PackageError } from './failure.ts';
import type { Lock, LockedPackage, Origins } from './origin.ts';

const ENTRY = 'agent/executable.ts';

export interface Bundle {
  readonly script: Uint8Array;
  /** The npm packages that parts of it come from. */
  readonly packages: readonly LockedPackage[];
}

export interface BundleOptions {
  /** The top of the checkout. */
  readonly top: string;
  readonly lock: Lock;
  readonly origins: Origins;
  readonly addon: { readonly file: string; readonly sha256: string };
}

export async function bundleAgent({ top, lock, origins, addon }: BundleOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: top,
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // Less to keep in memory; the licences travel in a file of their own.
    minify: true,
    legalComments: 'none',
    alias: { koffi: './scripts/package/addon.ts' },
    define: {
      ADDON_FILE: JSON.stringify(addon.file),
      ADDON_SHA256: JSON.stringify(addon.sha256),
      // Only a checkout has files beside it to start.
      'import.meta.url': 'undefined',
      'import.meta.main': 'false',
      // ws looks for two addons that are not there.
      'process.env.WS_NO_BUFFER_UTIL': '"1"',
      'process.env.WS_NO_UTF_8_VALIDATE': '"1"',
    },
    logLevel: 'silent',
  });
  const [script] = outputFiles;
  if (script === undefined) throw new Error('esbuild left no output');
  refuseWhatIsNotInside(metafile);
  const packages = await provePackages(Object.keys(metafile.inputs), { top, lock, origins });
  return { script: script.contents, packages };
}

/** At run time there is nothing to load from but the runtime itself. */
function refuseWhatIsNotInside({ outputs }: Metafile): void {
  const outside = Object.values(outputs).flatMap(({ imports }) =>
    imports.filter(({ path }) => !isBuiltin(path)).map(({ path }) => path),
  );
  if (outside.length > 0) {
    throw new PackageError(`The bundle would look for ${outside.join(', ')} at run time.`, 'Bundle it or do without.');
  }
}

/** Compares every file that came from node_modules with the same file of the locked tarball. */
async function provePackages(
  inputs: readonly string[],
  { top, lock, origins }: Omit<BundleOptions, 'addon'>,
): Promise<LockedPackage[]> {
  const foreign = inputs.filter((path) => path.includes('node_modules/'));
  const byDirectory = Map.groupBy(foreign, packageDirectoryOf);
  const packages: LockedPackage[] = [];
  for (const [directory, paths] of byDirectory) {
    const locked = lock.find(directory);
    const unpacked = await origins.unpack(locked);
    for (const path of paths) {
      const installed = await readFile(join(top, path));
      const original = await readFile(join(unpacked, path.slice(directory.length + 1)));
      if (!installed.equals(original)) {
        throw new PackageError(`${path} is not what package-lock.json pins.`, 'Install the dependencies anew: npm ci');
      }
    }
    packages.push(locked);
  }
  return packages.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function packageDirectoryOf(path: string): string {
  const directory = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
  if (directory === undefined) throw new Error(`${path} is in no package`);
  return directory;
}
