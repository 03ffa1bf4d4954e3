import * as z from 'zod';
import { AgentState, ComponentMap, ComponentName } from '../health.ts';
import { AccountRef } from '../accounts.ts';
import {
  EpochMs,
  InstanceId,
  InstanceName,
  OperatingSystem,
  ProjectName,
  PublicKey,
  ResetId,
  Thumbprint,
} from '../ids.ts';
import { INSTANCES_PER_IMPORT_MAX, TAGS_MAX } from '../limits.ts';
import { TaskState } from '../tasks.ts';
import { plainText } from '../text.ts';
import { PageQuery, Reason, pageOf } from './common.ts';

/** What is known of its power: by what an operator says, or by its agent, which speaks only while it runs. */
export const PowerState = z.enum(['running', 'stopped', 'unknown']);
export type PowerState = z.infer<typeof PowerState>;

export const TagKey = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/, 'letters, digits, . _ / -; 1 to 63');
export const TagValue = plainText(200);
export const Tags = z
  .record(TagKey, TagValue)
  .refine((tags) => Object.keys(tags).length <= TAGS_MAX, `at most ${String(TAGS_MAX)} tags`);
export type Tags = z.infer<typeof Tags>;

/** A tag as people write it, `KEY=VALUE`; null for text that is none. */
export function parseTag(text: string): { readonly key: string; readonly value: string } | null {
  const at = text.indexOf('=');
  const key = TagKey.safeParse(text.slice(0, Math.max(0, at)));
  const value = TagValue.safeParse(text.slice(at + 1));
  return at > 0 && key.success && value.success ? { key: key.data, value: value.data } : null;
}

/** The agent of an instance, as an operator sees it. */
export const AgentView = z.object({
  state: AgentState,
  /** Why it is `abnormal` or `install-failed`; advisory reasons too. Empty otherwise. */
  reasons: z.array(
    Reason.extend({ component: ComponentName.nullable(), detail: z.string().nullable(), since: EpochMs }),
  ),
  components: ComponentMap,
  version: z.string().nullable(),
  /** What the agent says about its machine: claims. */
  hostname: z.string().nullable(),
  osVersion: z.string().nullable(),
  /** Ed25519; what clients pin. */
  identityKey: PublicKey.nullable(),
  /** Thumbprint of `identityKey`; both null before the enrolment. */
  identity: Thumbprint.nullable(),
  /** Null while it is not connected. */
  connectedSince: EpochMs.nullable(),
  /** Null until it first connected. */
  lastSeenAt: EpochMs.nullable(),
});
export type AgentView = z.infer<typeof AgentView>;

/** A machine whose accounts are managed. */
export const Instance = z.object({
  id: InstanceId,
  name: InstanceName,
  os: OperatingSystem,
  power: PowerState,
  project: ProjectName,
  tags: Tags,
  agent: AgentView,
  createdAt: EpochMs,
  /** The newest reset of it; only where the listing was asked for it, null where there was none. */
  lastReset: z.object({ resetId: ResetId, state: TaskState, account: AccountRef, at: EpochMs }).nullable().optional(),
});
export type Instance = z.infer<typeof Instance>;

export const InstancePage = pageOf(Instance).extend({
  /** How many match in all; only where it was asked for. */
  total: z.int().optional(),
});

/** What instances can be sorted by; equal ones are sorted by name. */
export const InstanceSort = z.enum(['name', 'state', 'os', 'project', 'version', 'lastSeenAt', 'createdAt']);
export type InstanceSort = z.infer<typeof InstanceSort>;
const Flag = z.enum(['true', 'false']).transform((text) => text === 'true');

export const InstanceQuery = PageQuery.extend({
  /** Exact name or id. */
  name: z.string().max(63).optional(),
  project: ProjectName.optional(),
  os: OperatingSystem.optional(),
  state: AgentState.optional(),
  /** `KEY=VALUE`, may be repeated: all must match. */
  tag: z.union([z.string(), z.array(z.string()).max(TAGS_MAX)]).optional(),
  /** Part of the name. */
  search: z.string().max(63).optional(),
  /** Version of the agent, exactly. */
  version: z.string().max(100).optional(),
  sort: InstanceSort.default('name'),
  order: z.enum(['asc', 'desc']).default('asc'),
  /** Whether to count all that match. */
  count: Flag.default(false),
  /** Whether to say of each when it was last reset. */
  lastReset: Flag.default(false),
});
export type InstanceQuery = z.infer<typeof InstanceQuery>;

export const AddInstance = z.strictObject({
  name: InstanceName,
  os: OperatingSystem,
  project: ProjectName.default(ProjectName.parse('default')),
  tags: Tags.default({}),
});
export type AddInstance = z.infer<typeof AddInstance>;

/** All or nothing; names that exist are reported under details. */
export const ImportInstances = z.strictObject({ instances: z.array(AddInstance).min(1).max(INSTANCES_PER_IMPORT_MAX) });
export type ImportInstances = z.infer<typeof ImportInstances>;
export const ImportedInstances = z.object({ added: z.int() });

/** Only what is present changes. `tags` replaces all tags. */
export const ChangeInstance = z.strictObject({
  name: InstanceName.optional(),
  project: ProjectName.optional(),
  tags: Tags.optional(),
  power: PowerState.optional(),
});
export type ChangeInstance = z.infer<typeof ChangeInstance>;

/** What is accepted when online reset is enabled for a project. */
export const ServiceStatement = z.object({ version: z.int(), text: z.string() });
export type ServiceStatement = z.infer<typeof ServiceStatement>;

/** A project, and whether online reset is enabled and authorised for it. */
export const Project = z.object({
  name: ProjectName,
  service: z.object({
    enabled: z.boolean(),
    /** The version of the statement that was accepted; null when it is not enabled. */
    statementVersion: z.int().nullable(),
    enabledBy: z.string().nullable(),
    enabledAt: EpochMs.nullable(),
  }),
});
export type Project = z.infer<typeof Project>;
export const ProjectList = z.object({ items: z.array(Project) });

/** A new project, in which online reset is disabled. */
export const AddProject = z.strictObject({ name: ProjectName });
export type AddProject = z.infer<typeof AddProject>;

/** Accept the statement of that version and enable, or disable. Creates the project when it is not there yet. */
export const ChangeService = z.discriminatedUnion('enabled', [
  z.strictObject({ enabled: z.literal(true), statementVersion: z.int() }),
  z.strictObject({ enabled: z.literal(false) }),
]);
export type ChangeService = z.infer<typeof ChangeService>;
