import type { PlannedTarget, ProjectName } from '#protocol';

/** What starts the remedy of a block. */
export type Remedy = 'install' | 'instance' | 'service' | 'supersede' | 'ask';

/** Instances that are blocked for the same reason. */
export interface BlockedGroup {
  readonly code: string;
  /** As the control plane says it. */
  readonly message: string;
  readonly remedy: Remedy;
  readonly names: readonly string[];
  /** The projects that they are in. */
  readonly projects: readonly ProjectName[];
}

const REMEDIES: Readonly<Record<string, Remedy>> = {
  'service-not-authorised': 'service',
  'account-not-authorised': 'ask',
  'agent-not-installed': 'install',
  'agent-installing': 'install',
  'agent-install-failed': 'install',
  'reset-in-progress': 'supersede',
};

/** Those that are blocked, by reason; the largest group first. */
export function blockedGroups(targets: readonly PlannedTarget[]): readonly BlockedGroup[] {
  const groups = new Map<string, { group: BlockedGroup; names: string[]; projects: Set<ProjectName> }>();
  for (const { name, project, blocked } of targets) {
    if (blocked === null) continue;
    // The same code may come with different causes.
    const key = `${blocked.code} ${blocked.message}`;
    const found = groups.get(key);
    if (found !== undefined) {
      found.names.push(name);
      found.projects.add(project);
      continue;
    }
    const { code, message } = blocked;
    const names = [name];
    const group = { code, message, remedy: REMEDIES[code] ?? 'instance', names, projects: [] };
    groups.set(key, { group, names, projects: new Set([project]) });
  }
  return [...groups.values()]
    .map(({ group, names, projects }) => ({ ...group, names, projects: [...projects].sort() }))
    .sort((a, b) => b.names.length - a.names.length);
}
