import type { FabricInternals } from './fabric.ts';
import { addAccounts, placeEnvironment, type Account } from './place.ts';
import { mustRun, run, type Argv, type RunOptions, type RunResult } from './run.ts';

/** The disk of one host: an overlay over the shared root file system, mounted inside the fabric until it is removed. */
export interface Disk {
  /** Its mount point, as seen inside the fabric. */
  readonly root: string;
  /** Runs a command in it as root while the host does not run: no services, no namespaces of its own. */
  exec(argv: Argv, options?: RunOptions): Promise<RunResult>;
  remove(): Promise<void>;
}

export interface DiskOptions {
  readonly name: string;
  readonly rootfs: string;
  readonly accounts: readonly Account[];
  readonly diskMebibytes?: number | undefined;
}

/** Makes the disk of a host, with its name and its accounts. */
export async function makeDisk(fabric: FabricInternals, options: DiskOptions): Promise<Disk> {
  const base = `/run/hosts/${options.name}`;
  const root = `${base}/root`;
  const script = `
    set -eu
    mkdir -p "$1"
    if [ -n "$4" ]; then mount -t tmpfs -o "mode=755,size=$4m" tmpfs "$1"; fi
    mkdir -p "$1/upper" "$1/work" "$1/root"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
    echo "$3" > "$1/root/etc/hostname"
    printf '127.0.0.1 localhost\\n127.0.1.1 %s\\n' "$3" > "$1/root/etc/hosts"`;
  const size = options.diskMebibytes === undefined ? '' : String(options.diskMebibytes);
  await mustRun([...fabric.enter, 'sh', '-c', script, 'sh', base, options.rootfs, options.name, size]);
  const disk: Disk = {
    root,
    exec: (argv, more = {}) =>
      run([...fabric.enter, 'chroot', root, ...argv], { ...more, env: placeEnvironment(more.env) }),
    async remove() {
      if (!fabric.alive) return; // and the disk with it
      await mustRun([
        ...fabric.enter,
        'sh',
        '-c',
        'umount -l "$1/root" && if mountpoint -q "$1"; then umount -l "$1"; fi && rm -rf "$1"',
        'sh',
        base,
      ]);
    },
  };
  await addAccounts((argv, more) => disk.exec(argv, more), options.accounts);
  return disk;
}
