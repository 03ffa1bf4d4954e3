import * as z from 'zod';
import { AccountRef } from './accounts.ts';
import { base64UrlBytes, Digest } from './encoding.ts';
import {
  DurationMs,
  EpochMs,
  Generation,
  InstanceId,
  OperatingSystem,
  PublicKey,
  ResetId,
  TaskId,
  Thumbprint,
} from './ids.ts';
import { DETAIL_CHARS_MAX, ORDER_LIFETIME_MS_MAX, RESET_LIFETIME_MS_MAX, SCRIPT_BYTES_MAX } from './limits.ts';
import { PasswordPolicy } from './passwords.ts';
import { Signed } from './signing.ts';
import { ResetMode, ResetOptions, VerifiedBy, Warning } from './tasks.ts';
import { plainText } from './text.ts';
import { ResultCode } from './codes.ts';

/** Which X25519 key passwords for an instance are sealed to; signed by the instance's identity (`sealing-key`). */
export const SealingKeyStatement = z.strictObject({
  v: z.literal(1),
  instanceId: InstanceId,
  /** Thumbprint of the identity that signs. */
  identity: Thumbprint,
  /** Thumbprint of `publicKey` (X25519). */
  keyId: Thumbprint,
  /** X25519. */
  publicKey: PublicKey,
  /** Rises with every rotation. */
  epoch: z.int().min(1),
  notAfter: EpochMs,
});
export type SealingKeyStatement = z.infer<typeof SealingKeyStatement>;

/** HPKE base mode: 32 bytes of encapsulated key, 64 bytes of padded password with a tag of 16. */
export const SealedPassword = z.strictObject({
  keyId: Thumbprint,
  enc: base64UrlBytes(32, 32),
  ciphertext: base64UrlBytes(80, 80),
});
export type SealedPassword = z.infer<typeof SealedPassword>;

/** What a script is called in the catalogue: one for each system. */
export const ScriptName = z.enum(['reset-linux', 'reset-windows']);
export type ScriptName = z.infer<typeof ScriptName>;

/** One script of the catalogue, signed by a script key (`script`). */
export const ScriptStatement = z.strictObject({
  v: z.literal(1),
  name: ScriptName,
  os: OperatingSystem,
  /** Rises with every change of the script. */
  version: z.int().min(1),
  /** SHA-256 of the script's bytes. */
  digest: Digest,
});
export type ScriptStatement = z.infer<typeof ScriptStatement>;

/** A script as it travels: the signed statement, and the bytes that its digest names. */
export const SignedScript = z.strictObject({
  statement: Signed,
  bytes: base64UrlBytes(1, SCRIPT_BYTES_MAX),
});
export type SignedScript = z.infer<typeof SignedScript>;

/** The message that carries a task to the instance, signed by an order key when it is delivered (`order`). */
export const Order = z.strictObject({
  v: z.literal(1),
  taskId: TaskId,
  resetId: ResetId,
  instanceId: InstanceId,
  /** Thumbprint of the instance's identity. */
  identity: Thumbprint,
  account: AccountRef,
  mode: ResetMode,
  options: ResetOptions,
  /** Whether the operator may reset a privileged account (uid 0, administrators). */
  privileged: z.boolean(),
  /** Rises with every reset of one (instance, account). */
  generation: Generation,
  /** SHA-256 of the script that applies it. */
  scriptDigest: Digest,
  sealed: SealedPassword,
  /** The client's own limit, part of what the seal binds. */
  notAfter: EpochMs,
  passwordPolicy: PasswordPolicy,
  /** The session that it is for: SHA-256 of that session's transcript. */
  sessionBinding: Digest,
  /** The age of that session when it was signed, by the control plane's monotonic clock, in milliseconds. */
  sessionAgeMs: DurationMs,
  /** How long it lives, in milliseconds from then. */
  lifetimeMs: z.int().min(1).max(ORDER_LIFETIME_MS_MAX),
});
export type Order = z.infer<typeof Order>;

/**
 * What became of a task on the instance, signed by its identity (`result`). Success says how it was proven and has no
 * code; everything else has a code and proves nothing.
 */
export const TaskResult = z
  .strictObject({
    v: z.literal(1),
    taskId: TaskId,
    resetId: ResetId,
    instanceId: InstanceId,
    /** The account's name as the instance resolved it; as ordered where it did not get that far. */
    account: AccountRef,
    generation: Generation,
    /** SHA-256 of `enc` and `ciphertext` of the sealed password: ties the result to the password it speaks of. */
    sealedDigest: Digest,
    state: z.enum(['succeeded', 'failed', 'outcome-unknown']),
    /** Why not; null when it succeeded. */
    code: ResultCode.nullable(),
    /** More for people; never the password, no control characters. */
    detail: plainText(DETAIL_CHARS_MAX).nullable(),
    verifiedBy: VerifiedBy.nullable(),
    warnings: z.array(Warning).max(Warning.options.length),
    /** From the order's arrival until the password stood in the account database, in milliseconds. */
    appliedMs: DurationMs.max(RESET_LIFETIME_MS_MAX).nullable(),
    /** From the order's arrival until it was proven, in milliseconds. */
    verifiedMs: DurationMs.max(RESET_LIFETIME_MS_MAX).nullable(),
  })
  .refine(
    ({ state, code, verifiedBy }) =>
      state === 'succeeded' ? code === null && verifiedBy !== null : code !== null && verifiedBy === null,
    'success is proven and has no code; everything else has a code and no proof',
  );
export type TaskResult = z.infer<typeof TaskResult>;
