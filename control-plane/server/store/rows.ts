import * as z from 'zod';
import {
  AccountRef,
  ActorRole,
  AgentState,
  Code,
  ComponentMap,
  ConsoleSessionId,
  Digest,
  InstanceFacts,
  InstanceId,
  InstanceName,
  OperatingSystem,
  PowerState,
  ProjectName,
  PublicKey,
  ResetId,
  ResetMode,
  ResetOptions,
  SealedPassword,
  Signed,
  Tags,
  TaskId,
  TaskState,
  Thumbprint,
  TokenId,
  VerifiedBy,
  Warning,
} from '#protocol';
import { defineRow, type RowOf } from './codec.ts';
import type {
  StoredAuditEntry,
  ConsoleSessionRecord,
  InstanceRecord,
  PlannedTargetRecord,
  ProjectRecord,
  ResetRecord,
  TaskRecord,
  TokenRecord,
} from './records.ts';

/** The tables as Kysely knows them, and how a row becomes a record. */

const Time = z.int();

export const instanceRows = defineRow<InstanceRecord>()({
  table: 'instances',
  schema: z.object({
    id: InstanceId,
    name: InstanceName,
    os: OperatingSystem,
    project: ProjectName,
    tags: Tags,
    power: PowerState,
    createdAt: Time,
    identityKey: PublicKey.nullable(),
    identity: Thumbprint.nullable(),
    sealingKey: Signed.nullable(),
    continuityCurrent: Digest.nullable(),
    continuityPrevious: Digest.nullable(),
    fencedAt: Time.nullable(),
    agentState: AgentState,
    agentVersion: z.string().nullable(),
    facts: InstanceFacts.nullable(),
    components: ComponentMap,
    reasons: z.array(
      z.object({ component: z.string().nullable(), code: Code, detail: z.string().nullable(), since: Time }),
    ),
    connectedSince: Time.nullable(),
    lastSeenAt: Time.nullable(),
  }),
  json: ['tags', 'sealingKey', 'facts', 'components', 'reasons'],
});

export const projectRows = defineRow<ProjectRecord>()({
  table: 'projects',
  schema: z.object({
    name: ProjectName,
    serviceEnabled: z.boolean(),
    statementVersion: z.int().nullable(),
    enabledBy: z.string().nullable(),
    enabledAt: Time.nullable(),
  }),
  json: [],
  flags: ['serviceEnabled'],
});

export const tokenRows = defineRow<TokenRecord>()({
  table: 'tokens',
  schema: z.object({
    id: TokenId,
    type: z.enum(['api', 'join']),
    name: z.string(),
    secretDigest: Digest,
    role: ActorRole.nullable(),
    projects: z.array(ProjectName).nullable(),
    accounts: z.array(z.string()).nullable(),
    privileged: z.boolean(),
    instanceId: InstanceId.nullable(),
    reEnrol: z.boolean(),
    usesLeft: z.int().nullable(),
    createdAt: Time,
    createdBy: z.string(),
    expiresAt: Time.nullable(),
    revokedAt: Time.nullable(),
    lastUsedAt: Time.nullable(),
  }),
  json: ['projects', 'accounts'],
  flags: ['privileged', 'reEnrol'],
});

export const consoleSessionRows = defineRow<ConsoleSessionRecord>()({
  table: 'consoleSessions',
  schema: z.object({
    id: ConsoleSessionId,
    tokenId: TokenId,
    secretDigest: Digest,
    createdAt: Time,
    lastUsedAt: Time,
    revokedAt: Time.nullable(),
    source: z.string(),
    browser: z.string(),
  }),
  json: [],
});

export const resetRows = defineRow<ResetRecord>()({
  table: 'resets',
  schema: z.object({
    id: ResetId,
    mode: ResetMode,
    account: z.string().nullable(),
    options: ResetOptions,
    supersede: z.boolean(),
    tokenId: TokenId,
    requestedBy: z.string(),
    plannedAt: Time,
    planExpiresAt: Time,
    requestedAt: Time.nullable(),
    notAfter: Time.nullable(),
    finishedAt: Time.nullable(),
    concurrency: z.int(),
    stopAfterFailures: z.int().nullable(),
    retryOf: ResetId.nullable(),
    pausedAt: Time.nullable(),
    stoppedAt: Time.nullable(),
  }),
  json: ['options'],
  flags: ['supersede'],
});

export const plannedTargetRows = defineRow<PlannedTargetRecord>()({
  table: 'plannedTargets',
  schema: z.object({
    resetId: ResetId,
    instanceId: InstanceId,
    account: AccountRef,
    identity: Thumbprint.nullable(),
    keyId: Thumbprint.nullable(),
    blocked: Code.nullable(),
    sealed: SealedPassword.nullable(),
  }),
  json: ['sealed'],
});

export const taskRows = defineRow<TaskRecord>()({
  table: 'tasks',
  schema: z.object({
    id: TaskId,
    resetId: ResetId,
    instanceId: InstanceId,
    account: AccountRef,
    mode: ResetMode,
    options: ResetOptions,
    generation: z.int(),
    state: TaskState,
    sealed: SealedPassword.nullable(),
    sealedDigest: Digest.nullable(),
    notAfter: Time,
    requestedAt: Time,
    dispatchedAt: Time.nullable(),
    code: Code.nullable(),
    detail: z.string().nullable(),
    verifiedBy: VerifiedBy.nullable(),
    warnings: z.array(Warning),
    appliedMs: z.number().nullable(),
    verifiedMs: z.number().nullable(),
    result: Signed.nullable(),
    updatedAt: Time,
  }),
  json: ['options', 'sealed', 'warnings', 'result'],
});

export const auditRows = defineRow<StoredAuditEntry>()({
  table: 'audit',
  schema: z.object({
    at: Time,
    actor: z.string(),
    action: z.string(),
    resource: z.string(),
    decision: z.enum(['allow', 'deny']).nullable(),
    rule: z.string().nullable(),
    code: z.string().nullable(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  }),
  json: ['detail'],
});

type RowsOf<C> = C extends { readonly encode: (record: never) => infer Row } ? Row : never;

export interface Tables {
  instances: RowsOf<typeof instanceRows>;
  /** The tags again, one a row, to be found by; `instances.tags` is what is read. */
  instanceTags: { instanceId: InstanceId; key: string; value: string };
  projects: RowsOf<typeof projectRows>;
  tokens: RowsOf<typeof tokenRows>;
  consoleSessions: RowsOf<typeof consoleSessionRows>;
  resets: RowsOf<typeof resetRows>;
  plannedTargets: RowsOf<typeof plannedTargetRows>;
  tasks: RowsOf<typeof taskRows>;
  generations: { instanceId: InstanceId; account: AccountRef; generation: number };
  audit: RowOf<StoredAuditEntry, 'detail', never> & {
    sequence: number;
    /** Set on records that count refusals: what one is counted by, and how many there were. */
    refusalKey: string | null;
    refusals: number | null;
  };
  migrations: { number: number; name: string; appliedAt: number };
}
