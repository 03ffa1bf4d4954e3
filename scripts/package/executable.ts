/** One file that is Node and the agent. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { PackageError } from './failure.ts';
import type { Injection } from './inject.ts';
import type { Architecture } from './platform.ts';

const run = promisify(execFile);
const INJECT = fileURLToPath(new URL('inject.ts', import.meta.url));
const SCRIPT = 'latchkey-agent.cjs';

/** What the runtime in the executable is told, whoever starts it. README.md has what each is worth. */
export const RUNTIME_OPTIONS = [
  // No signal opens a debugger on a process that passwords pass through.
  '--disable-sigusr1',
  // An agent waits nearly all of its life: what counts is what it keeps in memory meanwhile.
  '--optimize-for-size',
  '--max-semi-space-size=1',
  // Nothing is compiled or collected in the background: three threads fewer.
  '--v8-pool-size=0',
] as const;

export const SEA_CONFIG = {
  disableExperimentalSEAWarning: true,
  useSnapshot: false,
  // V8's cache differs from build to build; see README.md.
  useCodeCache: false,
  execArgv: RUNTIME_OPTIONS,
  // Neither NODE_OPTIONS nor --node-options adds to them.
  execArgvExtension: 'none',
} as const;

/** What strips, as a line that says which version. */
export async function stripVersion(): Promise<string> {
  try {
    return (await run('strip', ['--version'])).stdout.split('\n')[0] ?? '';
  } catch (cause) {
    throw new PackageError('strip does not run.', 'Install it: apt-get install binutils', { cause });
  }
}

export interface ExecutableOptions {
  /** A directory of this build's own. */
  readonly work: string;
  readonly script: Uint8Array;
  /** The verified Node. */
  readonly node: string;
  readonly architecture: Architecture;
  readonly output: string;
}

export async function makeExecutable({ work, script, node, architecture, output }: ExecutableOptions): Promise<void> {
  const [home, temporary, stripped] = [join(work, 'home'), join(work, 'tmp'), join(work, 'node')];
  await mkdir(home);
  await mkdir(temporary);
  await writeFile(join(work, SCRIPT), script);
  // Before the injection: afterwards strip would take what was injected for rubbish.
  await run('strip', ['--strip-all', '-o', stripped, node]);
  await inject(
    { home, temporary },
    {
      ...{ script: join(work, SCRIPT), node: stripped, output, arch: architecture },
      // Node writes the name of the script into the executable. Seen from pkg's own directory in the temporary one, the
      // name is the same in every build, and says nothing about this machine.
      seaConfig: { ...SEA_CONFIG, main: `../../${SCRIPT}` },
    },
  );
}

async function inject(places: { readonly home: string; readonly temporary: string }, injection: Injection) {
  const { PATH } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', INJECT], {
    env: { PATH, HOME: places.home, TMPDIR: places.temporary },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(JSON.stringify(injection));
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [said, complained, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new PackageError(`pkg ended with ${String(code)}: ${said}${complained}`, 'Nothing was built.');
}
