import * as z from 'zod';
import { AccountName, AccountRef } from '../accounts.ts';
import { Code } from '../codes.ts';
import { Digest } from '../encoding.ts';
import {
  DurationMs,
  EpochMs,
  InstanceId,
  InstanceName,
  OperatingSystem,
  ProjectName,
  PublicKey,
  ResetId,
  TaskId,
} from '../ids.ts';
import {
  RESET_CONCURRENCY_DEFAULT,
  RESET_CONCURRENCY_MAX,
  RETRIES_SHOWN_MAX,
  SEALED_PASSWORDS_PER_CHUNK_MAX,
  TAGS_MAX,
  TARGETS_MAX,
} from '../limits.ts';
import { SealedPassword } from '../order.ts';
import { PasswordPolicy } from '../passwords.ts';
import { Signed } from '../signing.ts';
import { ResetMode, ResetOptions, ResetState, TaskState, VerifiedBy, Warning } from '../tasks.ts';
import { PageQuery, Reason, pageOf } from './common.ts';
import { TagKey, TagValue } from './instances.ts';

/** Which instances: by name or id, or all that carry every one of these tags (or both, joined). */
export const ResetTargets = z
  .strictObject({
    instances: z
      .array(z.union([InstanceId, InstanceName]))
      .max(TARGETS_MAX)
      .default([]),
    tags: z
      .array(z.strictObject({ key: TagKey, value: TagValue }))
      .max(TAGS_MAX)
      .default([]),
  })
  .refine((targets) => targets.instances.length + targets.tags.length > 0, 'name an instance or a tag');
export type ResetTargets = z.infer<typeof ResetTargets>;

/** First step: who would be reset, to which keys the password is to be sealed, who is blocked and why. Changes nothing. */
export const PlanReset = z.strictObject({
  targets: ResetTargets,
  mode: ResetMode.default('online'),
  /** Default: root, and on Windows the built-in administrator. */
  account: AccountName.nullable().default(null),
  options: ResetOptions.default({ unlock: false, unexpire: false, mustChange: false }),
  /** End an unapplied reset of the same account instead of being blocked by it. */
  supersede: z.boolean().default(false),
  /** How many of its tasks may be with their instances at once. */
  concurrency: z.int().min(1).max(RESET_CONCURRENCY_MAX).default(RESET_CONCURRENCY_DEFAULT),
  /** Cancel what has not been sent once so many of the sent ones failed, or ended unknown. Null: never. */
  stopAfterFailures: z.int().min(1).max(TARGETS_MAX).nullable().default(null),
  /** The reset whose failures this one is to mend. */
  retryOf: ResetId.nullable().default(null),
});
export type PlanReset = z.input<typeof PlanReset>;

export const PlannedTarget = z.object({
  instanceId: InstanceId,
  name: InstanceName,
  os: OperatingSystem,
  project: ProjectName,
  account: AccountRef,
  /** Ed25519; compare with what is pinned. Null when no agent was ever enrolled. */
  identityKey: PublicKey.nullable(),
  /** `SealingKeyStatement` signed by that identity. Null when the instance is blocked for lack of one. */
  sealingKey: Signed.nullable(),
  /** Why it cannot be reset now; null when it can. */
  blocked: Reason.nullable(),
});
export type PlannedTarget = z.infer<typeof PlannedTarget>;

export const ResetPlan = z.object({
  resetId: ResetId,
  mode: ResetMode,
  options: ResetOptions,
  supersede: z.boolean(),
  passwordPolicy: PasswordPolicy,
  targets: z.array(PlannedTarget),
  /** The control plane's clock, to be compared with one's own before setting `notAfter`. */
  now: EpochMs,
  /** After this the plan is void. */
  expiresAt: EpochMs,
});
export type ResetPlan = z.infer<typeof ResetPlan>;

/** Second step, in one request or several: the sealed passwords. Nothing starts before `final`. */
export const StartReset = z.strictObject({
  resetId: ResetId,
  /** Part of what each seal binds; the same in every chunk. */
  notAfter: EpochMs,
  sealed: z
    .array(z.strictObject({ instanceId: InstanceId, password: SealedPassword }))
    .max(SEALED_PASSWORDS_PER_CHUNK_MAX),
  /** Leave out what is blocked instead of starting nothing. */
  skipBlocked: z.boolean().default(false),
  final: z.boolean().default(true),
});
export type StartReset = z.input<typeof StartReset>;

/** How many tasks of a reset stand where, as `TASK_COUNTS_AS` sorts them. */
export const ResetCounts = z.object({
  total: z.int(),
  succeeded: z.int(),
  /** `failed`, `task-expired`, `cancelled`, `superseded`, `outcome-unknown`. */
  failed: z.int(),
  blocked: z.int(),
  /** Everything that is not finished. */
  pending: z.int(),
});
export type ResetCounts = z.infer<typeof ResetCounts>;

/** A reset that has been started. */
export const Reset = z.object({
  id: ResetId,
  mode: ResetMode,
  /** As asked for; null for the default of each operating system. */
  account: AccountName.nullable(),
  options: ResetOptions,
  /** As the audit names an actor. */
  requestedBy: z.string(),
  requestedAt: EpochMs,
  /** The limit that the client set: after it, nothing is applied any more. */
  notAfter: EpochMs,
  counts: ResetCounts,
  /** How many of the pending ones are with their instances now. */
  inFlight: z.int(),
  state: ResetState,
  concurrency: z.int(),
  stopAfterFailures: z.int().nullable(),
  /** Since when nothing more of it is sent; null unless somebody paused it and nobody resumed it. */
  pausedAt: EpochMs.nullable(),
  /** When too many had failed; null if that never came. */
  stoppedAt: EpochMs.nullable(),
  /** The reset that this one retries, and those that retry this one, newest first. */
  retryOf: ResetId.nullable(),
  retriedBy: z.array(ResetId).max(RETRIES_SHOWN_MAX),
  /** Null while a task is not finished. */
  finishedAt: EpochMs.nullable(),
});
export type Reset = z.infer<typeof Reset>;
export const ResetPage = pageOf(Reset);
export const ResetQuery = PageQuery.extend({
  /** Only those with a task on this instance. */
  instance: InstanceId.optional(),
});
export type ResetQuery = z.infer<typeof ResetQuery>;

/** The answer to a chunk that is not the last. */
export const ChunkAccepted = z.object({ resetId: ResetId, received: z.int() });
export type ChunkAccepted = z.infer<typeof ChunkAccepted>;

/** A reset on one instance. */
export const Task = z.object({
  id: TaskId,
  instanceId: InstanceId,
  /** The instance's name; its id once it has been removed. */
  instance: z.string(),
  os: OperatingSystem,
  account: AccountRef,
  state: TaskState,
  /** Why it did not succeed, with its sentences; null otherwise. */
  code: Code.nullable(),
  message: z.string().nullable(),
  remedy: z.string().nullable(),
  /** More for people, from the instance. */
  detail: z.string().nullable(),
  /** How the success was proven; null without one. */
  verifiedBy: VerifiedBy.nullable(),
  warnings: z.array(Warning),
  /** From the arrival of the request until the password stood in the account database, in milliseconds. */
  appliedMs: DurationMs.nullable(),
  /** From the arrival of the request until it was proven, in milliseconds. */
  verifiedMs: DurationMs.nullable(),
  /** Rises with every reset of one (instance, account); 0 for a blocked task, which has none. */
  generation: z.int(),
  /** The agent's signed `TaskResult`: clients verify it against the identity that they pinned. */
  result: Signed.nullable(),
  /** SHA-256 of the sealed bytes that the control plane stored; null once they are not known. */
  sealedDigest: Digest.nullable(),
  updatedAt: EpochMs,
});
export type Task = z.infer<typeof Task>;
export const TaskPage = pageOf(Task);
export type TaskPage = z.infer<typeof TaskPage>;
export const TaskQuery = PageQuery.extend({ state: TaskState.optional() });

export const CancelledReset = z.object({
  /** Tasks that were not applied yet and are cancelled. */
  cancelled: z.int(),
  /** Tasks that had already been handed to an instance. */
  tooLate: z.int(),
});

/**
 * The data of the server-sent event `progress`: the counts, and tasks that changed since the last one. There are at most
 * ten events a second, and none is larger than 512 KiB; what does not fit into one comes with the next.
 */
export const ProgressEvent = z.object({
  resetId: ResetId,
  counts: ResetCounts,
  state: ResetState,
  finished: z.boolean(),
  tasks: z.array(Task),
});
export type ProgressEvent = z.infer<typeof ProgressEvent>;
