import { run } from './run.ts';
import { until } from './until.ts';

const REMOVE_DEADLINE_MS = 10_000;

/**
 * The control group of a fabric is the one thing it has outside its namespaces. The unified hierarchy is mounted in a
 * namespace of the command's own, because machines mount it in different places, and some not at all.
 */
const SHELL = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c'] as const;
const MOUNT = 'umount -R /sys/fs/cgroup 2> /dev/null; mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1;';
const PARENT = '/sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup)';

/** Names of all groups beside which ours are made. */
export async function controlGroups(): Promise<string[]> {
  const { stdout } = await run([...SHELL, `${MOUNT} ls -1 "${PARENT}"`]);
  return stdout.split('\n').filter(Boolean);
}

/** Kills whatever is left in a group, and removes it and all below it. */
export async function removeControlGroup(name: string): Promise<void> {
  const script = `${MOUNT} cd "${PARENT}" && [ -d "$1" ] || exit 0; echo 1 > "$1/cgroup.kill"; find "$1" -depth -type d -exec rmdir {} +`;
  // A killed process stays in its group until it is reaped; the group can be removed only then.
  await until(async () => (await run([...SHELL, script, 'sh', name])).code === 0, {
    what: `the control group ${name} to be empty`,
    deadlineMs: REMOVE_DEADLINE_MS,
  });
}
