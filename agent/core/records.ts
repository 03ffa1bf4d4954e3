import * as z from 'zod';
import { AccountName, AccountRef, Digest, ResetId, Signed, SignedScript, TaskId, Thumbprint } from '#protocol';
import type { JournalRecord } from '../domain/ledger.ts';

const StartedAt = z.strictObject({ bootId: z.string(), monotonicMs: z.number(), wallMs: z.number() });

const Record = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('accepted'),
    taskId: TaskId,
    resetId: ResetId,
    account: AccountRef,
    generation: z.int(),
    sealedDigest: Digest,
    keyId: Thumbprint,
    notAfter: z.number(),
    order: Signed,
    script: SignedScript,
    bootId: z.string(),
    arrivedMs: z.number(),
    deadlineMs: z.number(),
  }),
  z.strictObject({ kind: z.literal('begun'), taskId: TaskId, startedAt: StartedAt }),
  z.strictObject({
    kind: z.literal('result'),
    taskId: TaskId,
    resetId: ResetId,
    account: AccountRef.optional(),
    notAfter: z.number(),
    sealedDigest: Digest,
    result: Signed,
    applied: z.strictObject({ account: AccountName, generation: z.int() }).nullable(),
  }),
  z.strictObject({ kind: z.literal('acknowledged'), taskId: TaskId }),
  z.strictObject({
    kind: z.literal('base'),
    generations: z.array(z.strictObject({ account: AccountRef, generation: z.int() })),
    spent: z.array(z.strictObject({ resetId: ResetId, notAfter: z.number(), account: AccountRef.optional() })),
    started: z.array(StartedAt),
  }),
]);

/** A record as an earlier run wrote it; null for one that this version cannot read. */
export function parseRecord(value: unknown): JournalRecord | null {
  const parsed = Record.safeParse(value);
  return parsed.success ? parsed.data : null;
}
