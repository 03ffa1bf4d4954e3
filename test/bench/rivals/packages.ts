import { run, type RunResult } from '../../support/hosts/run.ts';

const INSTALL_MS_MAX = 300_000;

/** Programs that only this bench needs, and the Debian packages they come in. */
export const PACKAGES = {
  sshd: 'openssh-server',
  ansible: 'ansible-core',
  qemuGuestAgent: 'qemu-guest-agent',
} as const;
export type PackageName = (typeof PACKAGES)[keyof typeof PACKAGES];

/** Installs a Debian package where it is missing, and says so; throws when it cannot be had. */
export async function needPackage(name: PackageName): Promise<void> {
  const known = await run(['dpkg-query', '--status', name]);
  if (known.stdout.includes('\nStatus: install ok installed\n')) return;
  console.error(`bench: installing the Debian package ${name}`);
  const install = ['-q', '-o', 'DPkg::Lock::Timeout=120', 'install', '--yes', '--no-install-recommends', name];
  const installed = await apt(install);
  if (installed.code === 0) return;
  await apt(['-q', 'update']);
  const again = await apt(install);
  if (again.code !== 0) throw new Error(`Debian's ${name} cannot be installed: ${lastLine(again)}`);
}

function apt(args: readonly string[]): Promise<RunResult> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  // RUNLEVEL keeps what is installed from being started here.
  return run(['apt-get', ...args], { env: { ...env, RUNLEVEL: '1' }, timeoutMs: INSTALL_MS_MAX });
}

/** Bytes that are downloaded for a package itself, without what it depends on. */
export async function downloadBytes(name: PackageName): Promise<number> {
  const shown = await run(['apt-cache', 'show', '--no-all-versions', name]);
  const size = /^Size: (\d+)$/m.exec(shown.stdout)?.[1];
  if (size === undefined) throw new Error(`apt does not say how large ${name} is`);
  return Number(size);
}

function lastLine({ stderr }: RunResult): string {
  return stderr.trimEnd().split('\n').at(-1) ?? '';
}
