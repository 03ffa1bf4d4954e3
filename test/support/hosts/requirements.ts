import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs the hosts need, and the Debian package that has each. */
const PROGRAMS = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  dnsmasq: 'dnsmasq-base',
  ip: 'iproute2',
  sshpass: 'sshpass',
  ssh: 'openssh-client',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  flock: 'util-linux',
} as const;

/** Why hosts cannot be had on this machine and what to do about it; `undefined` when they can. */
export function whyNoHosts(): string | undefined {
  if (process.platform !== 'linux') return 'real hosts need Linux: run these tests on a Debian machine';
  if (process.getuid?.() !== 0) return 'real hosts need root, for namespaces and mounts: run these tests as root';
  const packages = Object.entries(PROGRAMS).flatMap(([program, name]) => (isInstalled(program) ? [] : [name]));
  if (packages.length === 0) return undefined;
  return `real hosts need programs that are not here: apt-get install ${[...new Set(packages)].join(' ')}`;
}

/** Throws what {@link whyNoHosts} says. */
export function requireHosts(): void {
  const why = whyNoHosts();
  if (why !== undefined) throw new Error(why);
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
