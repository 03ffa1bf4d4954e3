/**
 * pkg's `--sea` stage in a process of its own, whose home and temporary directories are those of the build: pkg writes
 * to both. Called as a library, since its command line passes on no configuration of Node's, and without one the
 * executable would obey NODE_OPTIONS.
 */
import { readFileSync } from 'node:fs';
import pkg, { type SeaConfig } from 'pkg/lib-es5/sea.js';

/** What executable.ts sends on standard input. */
export interface Injection {
  readonly script: string;
  /** The Node that the script is put into: checked and stripped. With it, pkg downloads nothing. */
  readonly node: string;
  readonly output: string;
  readonly arch: 'x64' | 'arm64';
  /** Node's own configuration of a single executable, of which pkg knows a part. */
  readonly seaConfig: SeaConfig & { readonly main: string };
}

const { script, node, output, arch, seaConfig } = JSON.parse(readFileSync(0, 'utf8')) as Injection;
await pkg.default(script, {
  targets: [{ platform: 'linux', arch, nodeRange: 'node24', output }],
  nodePath: node,
  seaConfig,
});
