import { AccountRef, Digest, InstanceId, PublicKey, ResetId, type Expectation } from '#protocol';
import * as z from 'zod';
import { jsonOf } from '../../api/json.ts';
import type { KeyValueStore } from './store.ts';

const PREFIX = 'latchkey.sent.';
/** More than anybody looks at again within one session of a browser. */
const RECORDS_MAX = 20;

/** Short, since ten thousand of them have to fit: id, name, account, identity, digest. Nothing in it is secret. */
const Stored = z.strictObject({
  v: z.literal(1),
  /** Milliseconds since the epoch. */
  at: z.int(),
  targets: z.array(z.tuple([InstanceId, z.string().max(100), AccountRef, PublicKey, Digest])),
});

/** What was sent to an instance, and what it was called then. */
export interface SentTarget extends Expectation {
  readonly name: string;
}
export type SentTargets = ReadonlyMap<InstanceId, SentTarget>;

/** What this tab has sent, by which the results are proven, also after a reload. */
export interface SentResets {
  /** False where the browser does not let it: then the results cannot be proven here. */
  save(resetId: ResetId, targets: readonly SentTarget[], now: number): boolean;
  /** Null when it was not sent from here. */
  load(resetId: ResetId): SentTargets | null;
  /** Nothing was started after all. */
  forget(resetId: ResetId): void;
}

export function createSentResets(store: KeyValueStore): SentResets {
  const read = (key: string): z.infer<typeof Stored> | undefined => {
    const text = store.getItem(key);
    return text === null ? undefined : Stored.safeParse(jsonOf(text)).data;
  };
  /** Oldest first; what cannot be read is the oldest of all. */
  const records = (): string[] =>
    Array.from({ length: store.length }, (_, at) => store.key(at))
      .filter((key) => key?.startsWith(PREFIX) === true)
      .map((key) => ({ key: key ?? '', at: read(key ?? '')?.at ?? 0 }))
      .sort((a, b) => a.at - b.at)
      .map(({ key }) => key);
  const write = (key: string, text: string): boolean => {
    try {
      store.setItem(key, text);
      return true;
    } catch {
      return false; // Full, or switched off: what is older makes room, or whoever calls says so.
    }
  };
  return {
    save(resetId, targets, now) {
      const rows = targets.map((target) => [
        target.instanceId,
        target.name,
        target.account,
        target.identityKey,
        target.digest,
      ]);
      const text = JSON.stringify({ v: 1, at: now, targets: rows });
      const older = records();
      for (const key of older.splice(0, older.length - RECORDS_MAX + 1)) store.removeItem(key);
      while (!write(PREFIX + resetId, text)) {
        const oldest = older.shift();
        if (oldest === undefined) return false;
        store.removeItem(oldest);
      }
      return true;
    },
    load(resetId) {
      const stored = read(PREFIX + resetId);
      if (stored === undefined) return null;
      return new Map(
        stored.targets.map(([instanceId, name, account, identityKey, digest]) => [
          instanceId,
          { resetId, instanceId, name, account, identityKey, digest },
        ]),
      );
    },
    forget: (resetId) => store.removeItem(PREFIX + resetId),
  };
}
