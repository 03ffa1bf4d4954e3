import { ProjectName, printable, type ChangeService, type Project, type ServiceStatement } from '#protocol';
import { auditName, type Actor } from '../domain/actor.ts';
import { authorize } from '../domain/authorization.ts';
import type { ProjectRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import { ApiError } from './errors.ts';
import { ANYTHING, type Gate } from './gate.ts';
import type { Clock } from './ports.ts';
import { SERVICE_STATEMENT } from './service-statement.ts';

/** The project that is always there. */
const DEFAULT_PROJECT = ProjectName.parse('default');

export interface ProjectService {
  /** Those that the actor may see, by name. */
  list(actor: Actor): Promise<{ readonly items: readonly Project[] }>;
  /** Makes a project, in which online reset is disabled. One that is there already is refused, and stays as it is. */
  add(actor: Actor, name: ProjectName): Promise<Project>;
  statement(actor: Actor): Promise<ServiceStatement>;
  /** Enables online reset for a project by accepting the statement, or disables it; creates the project. */
  changeService(actor: Actor, name: ProjectName, change: ChangeService): Promise<Project>;
}

export function createProjectService(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly gate: Gate;
}): ProjectService {
  const { store, clock, gate } = deps;

  const list: ProjectService['list'] = (actor) =>
    gate.guard(async () => {
      gate.decide(actor, 'project.read', ANYTHING, { subject: 'projects' });
      const stored = await store.read.projects.list();
      const isDefaultStored = stored.some((project) => project.name === DEFAULT_PROJECT);
      const all = isDefaultStored ? stored : [withoutService(DEFAULT_PROJECT), ...stored];
      const visible = all.filter(
        (project) => authorize(actor, 'project.read', { project: project.name, instanceId: null }).allow,
      );
      return { items: visible.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(viewOf) };
    });

  const add: ProjectService['add'] = (actor, name) =>
    gate.change(async (tx) => {
      const subject = `project:${name}`;
      const rule = gate.decide(actor, 'project.add', { project: name, instanceId: null }, { subject });
      if (name === DEFAULT_PROJECT || (await tx.projects.get(name)) !== null) throw new ApiError('project-exists');
      const record = withoutService(name);
      await tx.projects.put(record);
      await tx.audit.append(gate.allowed(actor, 'project.add', subject, rule));
      return viewOf(record);
    });

  const changeService: ProjectService['changeService'] = (actor, name, change) =>
    gate.change(async (tx) => {
      const subject = `project:${name}`;
      const rule = gate.decide(actor, 'service.change', { project: name, instanceId: null }, { subject });
      if (change.enabled && change.statementVersion !== SERVICE_STATEMENT.version) {
        throw new ApiError('statement-version-mismatch');
      }
      const record: ProjectRecord = change.enabled
        ? {
            name,
            serviceEnabled: true,
            statementVersion: change.statementVersion,
            enabledBy: auditName(actor),
            enabledAt: clock.now(),
          }
        : withoutService(name);
      await tx.projects.put(record);
      const detail = { enabled: record.serviceEnabled, statementVersion: record.statementVersion };
      await tx.audit.append(gate.allowed(actor, 'service.change', subject, rule, detail));
      return viewOf(record);
    });

  return {
    list,
    add,
    changeService,
    statement: (actor) =>
      gate.guard(async () => {
        gate.decide(actor, 'project.read', ANYTHING, { subject: 'service-statement' });
        return SERVICE_STATEMENT;
      }),
  };
}

/** Refuses projects that nobody made, so that a slip of the pen makes none; the default one is made when needed. */
export async function requireProject(tx: Repositories, name: ProjectName): Promise<void> {
  if ((await tx.projects.get(name)) !== null) return;
  if (name !== DEFAULT_PROJECT) throw new ApiError('project-not-found');
  await tx.projects.put(withoutService(name));
}

function withoutService(name: ProjectName): ProjectRecord {
  return { name, serviceEnabled: false, statementVersion: null, enabledBy: null, enabledAt: null };
}

function viewOf(record: ProjectRecord): Project {
  return {
    name: record.name,
    service: {
      enabled: record.serviceEnabled,
      statementVersion: record.statementVersion,
      enabledBy: record.enabledBy === null ? null : printable(record.enabledBy),
      enabledAt: record.enabledAt,
    },
  };
}
