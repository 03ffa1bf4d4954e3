import { join } from 'node:path';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { fingerprintOf } from '#protocol';
import { AGENT_VERSION } from '../../agent/version.ts';
import { buildPackage } from '../../scripts/package/build.ts';
import { bootHost, type Host } from '../support/hosts/host.ts';
import type { Suite } from '../support/hosts/rootfs.ts';
import type { Place } from '../support/hosts/place.ts';
import { mustRun, type RunResult } from '../support/hosts/run.ts';
import { newSigner } from '../support/keys.ts';
import { signArchive } from '../support/release.ts';
import { openWorld, type World } from './world.ts';

export interface InstallWorld extends AsyncDisposable {
  readonly world: World;
  /** Fingerprint of the key that signs the releases. */
  readonly releaseKey: string;
  /** What `latchkey agents install-command` prints with these options. */
  line(...options: string[]): Promise<string>;
  /** Pastes it into a root shell of that machine. */
  paste(place: Place, line: string, environment?: Readonly<Record<string, string>>): Promise<RunResult>;
  /** Adds a release of another version: the real agent behind a shell script that runs first, with the verb in `$1`. */
  addVersion(version: string, script: string): Promise<void>;
  boot(name: string, suite?: Suite, packages?: readonly string[]): Promise<Host>;
  agentOf(name: string): Promise<AgentJson>;
}

export interface AgentJson {
  readonly state: string;
  readonly identity: string | null;
  readonly reasons: readonly { readonly code: string; readonly detail: string | null }[];
}

/** A control plane that hands out the real executable, and one for a processor that no host here has. */
export async function openInstallWorld(certificate?: Parameters<typeof openWorld>[0]): Promise<InstallWorld> {
  const { archive } = await buildPackage();
  const world = await openWorld(certificate);
  const signer = await newSigner();
  const releaseKey = fingerprintOf(signer.key);
  const add = async (file: string, version: string, platform: string): Promise<void> => {
    const made = join(world.directory, 'made', `${version}-${platform}`);
    await mkdir(made, { recursive: true });
    const release = await signArchive(made, signer, file, { version, platform });
    const directories = ['--data', join(world.directory, 'data'), '--keys', join(world.directory, 'keys')];
    const added = await world.latchkey([
      ...['server', 'add-release', release.archive, '--release-key', releaseKey, ...directories],
    ]);
    if (added.code !== 0) throw new Error(`the release was not taken: ${added.stdout}${added.stderr}`);
  };
  for (const platform of ['linux-x64', 'linux-arm64']) await add(archive, AGENT_VERSION, platform);
  return {
    world,
    releaseKey,
    async line(...options) {
      const { command } = (await world.json(['agents', 'install-command', ...options])) as { command: string };
      return command;
    },
    // As a shell that reads commands, not as an argument: arguments can be seen by everybody.
    paste: (place, line, env = {}) => place.exec(['sh'], { input: `${line}\n`, env, timeoutMs: 180_000 }),
    async addVersion(version, script) {
      const tree = join(world.directory, 'made', `tree-${version}`);
      await mkdir(tree, { recursive: true });
      await mustRun(['tar', '-xzf', archive, '-C', tree, '--strip-components=1']);
      await rename(join(tree, 'latchkey-agent'), join(tree, 'agent'));
      const wrapper = [
        '#!/bin/sh',
        `[ "$1" != --version ] || { echo ${version}; exit 0; }`,
        script,
        'exec "$(dirname "$(readlink -f "$0")")/agent" "$@"',
      ];
      await writeFile(join(tree, 'latchkey-agent'), `${wrapper.join('\n')}\n`, { mode: 0o755 });
      const file = `${tree}.tar.gz`;
      await mustRun(['tar', '-czf', file, '-C', join(tree, '..'), `tree-${version}`]);
      await add(file, version, 'linux-x64');
    },
    boot: (name, suite = 'bookworm', packages = []) => bootHost(world.fabric, { name, suite, packages }),
    async agentOf(name) {
      return ((await world.json(['instances', 'show', name])) as { agent: AgentJson }).agent;
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** The part of the join token in a line that nobody may find anywhere. */
export function secretOf(line: string): string {
  const secret = /lkj_[^_]+_(.{43})_/.exec(line)?.[1];
  if (secret === undefined) throw new Error('there is no join token in the line');
  return secret;
}

/** Every file that somebody could have left on a host, with type, mode, owner and size of files; logs aside. */
export async function filesOf(host: Host): Promise<string[]> {
  const roots = ['/etc', '/usr', '/opt', '/root', '/home', '/srv', '/var/lib', '/var/tmp', '/tmp', '/run/latchkey*'];
  const own = ['-path', '/opt/latchkey', '-o', '-path', '/var/lib/systemd', '-o', '-name', 'systemd-private-*'];
  const find = ['find', ...roots, '-xdev', '\\(', ...own, '\\)', '-prune', '-o', '-printf', "'%y %m %U %p %l\\n'"];
  const { stdout } = await host.exec(['sh', '-c', `${find.join(' ')} 2>/dev/null`]);
  return stdout.trim().split('\n').toSorted();
}
