import * as z from 'zod';
import { AccountRef, Digest, InstanceId, PublicKey, ResetId } from '#protocol';
import { fileError } from '../config/load.ts';
import { systemCodeOf } from '../errors.ts';
import type { Files } from '../ports.ts';
import type { Expectation } from './outcome.ts';

const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Longer than any reset lives. */
const RECORD_AGE_MS_MAX = 31 * 24 * 3_600_000;

/** What a client needs to check the results of a reset after it has detached. Nothing in it is secret. */
const SentReset = z.strictObject({
  v: z.literal(1),
  server: z.string(),
  resetId: ResetId,
  targets: z.array(
    z.strictObject({ instanceId: InstanceId, account: AccountRef, identityKey: PublicKey, digest: Digest }),
  ),
});

/** Resets that this user sent and has not seen the end of. */
export interface SentResets {
  save(expectations: readonly Expectation[]): Promise<void>;
  /** What was sent under that id to that control plane; null when it was not this user, or not from here. */
  load(resetId: ResetId): Promise<Expectation[] | null>;
  forget(resetId: ResetId): Promise<void>;
}

export function createSentResets(files: Files, directory: string, server: string): SentResets {
  const pathOf = (resetId: ResetId) => `${directory}/${resetId}.json`;
  return {
    async save(expectations) {
      const resetId = expectations[0]?.resetId;
      if (resetId === undefined) return;
      await files.removeOlderThan(directory, RECORD_AGE_MS_MAX);
      const targets = expectations.map(({ resetId: _, ...target }) => target);
      const path = pathOf(resetId);
      await files.writeAtomically(path, JSON.stringify({ v: 1, server, resetId, targets })).catch((error: unknown) => {
        throw fileError(path, systemCodeOf(error) ?? 'it cannot be written', error);
      });
    },

    async load(resetId) {
      const path = pathOf(resetId);
      const file = await files.read(path, RECORD_BYTES_MAX).catch((error: unknown) => {
        throw fileError(path, systemCodeOf(error) ?? 'it cannot be read', error);
      });
      if (file === null) return null;
      const parsed = SentReset.safeParse(jsonOf(file.text));
      if (!parsed.success) throw fileError(path, 'it is damaged; remove it to watch without proof', parsed.error);
      return parsed.data.server === server ? parsed.data.targets.map((target) => ({ resetId, ...target })) : null;
    },

    forget: (resetId) => files.remove(pathOf(resetId)),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Which the schema refuses.
  }
}
