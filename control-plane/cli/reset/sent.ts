import * as z from 'zod';
import { AccountRef, Digest, InstanceId, PublicKey, ResetId, type Expectation } from '#protocol';
import { fileError } from '../config/load.ts';
import { readTrusted } from '../config/trusted-file.ts';
import { systemCodeOf } from '../errors.ts';
import type { Files } from '../ports.ts';

const RECORD_BYTES_MAX = 16 * 1024 * 1024;
const DAY_MS = 24 * 3_600_000;
/** Longer than any reset lives. */
const RECORD_AGE_MS_MAX = 31 * DAY_MS;
/** Whoever looks again at a reset that has ended does so soon, or never. */
const ENDED_AGE_MS_MAX = 7 * DAY_MS;

/** What a client needs to check the results of a reset after it has detached. Nothing in it is secret. */
const SentReset = z.strictObject({
  v: z.literal(1),
  server: z.string(),
  resetId: ResetId,
  targets: z.array(
    z.strictObject({ instanceId: InstanceId, account: AccountRef, identityKey: PublicKey, digest: Digest }),
  ),
});

/** Resets that this user sent, until a week after their end was seen. */
export interface SentResets {
  save(expectations: readonly Expectation[]): Promise<void>;
  /** What was sent under that id to that control plane; null when it was not this user, or not from here. */
  load(resetId: ResetId): Promise<Expectation[] | null>;
  /** The end was seen: what was sent is kept for a while, so that later looks can be proven too. Never rejects. */
  end(resetId: ResetId): Promise<void>;
  /** Nothing was started after all. */
  forget(resetId: ResetId): Promise<void>;
}

export function createSentResets(files: Files, directory: string, server: string): SentResets {
  const ended = `${directory}/ended`;
  const pathOf = (resetId: ResetId) => `${directory}/${resetId}.json`;
  const endedPathOf = (resetId: ResetId) => `${ended}/${resetId}.json`;
  const read = (path: string) => readTrusted(files, path, RECORD_BYTES_MAX);
  const write = async (path: string, text: string) => {
    await files.removeOlderThan(directory, RECORD_AGE_MS_MAX);
    await files.removeOlderThan(ended, ENDED_AGE_MS_MAX);
    await files.writeAtomically(path, text).catch((error: unknown) => {
      throw fileError(path, systemCodeOf(error) ?? 'it cannot be written', error);
    });
  };
  return {
    async save(expectations) {
      const resetId = expectations[0]?.resetId;
      if (resetId === undefined) return;
      const targets = expectations.map(({ resetId: _, ...target }) => target);
      await write(pathOf(resetId), JSON.stringify({ v: 1, server, resetId, targets }));
    },

    async load(resetId) {
      for (const path of [pathOf(resetId), endedPathOf(resetId)]) {
        const text = await read(path);
        if (text === null) continue;
        const parsed = SentReset.safeParse(jsonOf(text));
        if (!parsed.success) throw fileError(path, 'it is damaged; remove it to watch without proof', parsed.error);
        return parsed.data.server === server ? parsed.data.targets.map((target) => ({ resetId, ...target })) : null;
      }
      return null;
    },

    async end(resetId) {
      try {
        const text = await read(pathOf(resetId));
        if (text === null) return;
        // Written anew, so that its age counts from now.
        await write(endedPathOf(resetId), text);
        await files.remove(pathOf(resetId));
      } catch {
        // It stays where it was, and for longer: no reason to keep back what is to be said of the reset.
      }
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
