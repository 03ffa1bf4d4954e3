import * as z from 'zod';
import {
  EpochMs,
  ONLINE_RESET_LIFETIME_MS,
  parseJsonBytes,
  PLAN_LIFETIME_MS,
  SEALING_KEY_LIFETIME_MS,
  SEALING_KEY_ROTATION_MS,
  signJson,
  Signed,
  Thumbprint,
  utf8,
  type InstanceId,
  type SealingKeyStatement,
} from '#protocol';
import type { AgentCrypto, Log, Storage } from '../ports.ts';
import { createTurns } from './turns.ts';

const INDEX = 'sealing-keys.json';
/** What was planned with a key that was replaced may still arrive for as long. */
const STILL_USED_MS = PLAN_LIFETIME_MS + ONLINE_RESET_LIFETIME_MS;
const KEY_FILE = /^sealing-(\d+)\.key$/;
const keyFile = (epoch: number) => `sealing-${String(epoch)}.key`;

/** A day of grace for a clock that was put right after the key was made. */
const AHEAD_MS_MAX = 24 * 3_600_000;

const KeyEntry = z.strictObject({
  epoch: z.int().min(1),
  keyId: Thumbprint,
  createdAt: EpochMs,
  notAfter: EpochMs,
  statement: Signed,
});
type KeyEntry = z.infer<typeof KeyEntry>;
/** Far more than honest clocks make. Past it the oldest go, so that lies about time cannot fill the disk. */
const KEYS_MAX = 64;
const Index = z.strictObject({ keys: z.array(KeyEntry).max(2 * KEYS_MAX) });

/** The keys that passwords are sealed to: one file each, so that a key is gone when its file is. */
export interface SealingKeys {
  /** Signed by the identity; what clients seal to. */
  statement(): Signed;
  /** The private key, to be zeroed by the caller; null for a key that is gone. */
  privateKey(keyId: Thumbprint): Promise<Uint8Array | null>;
  /**
   * Makes a new key when the current one has aged, and deletes old ones that nobody needs. True when it is new.
   * `timeIsKnown`: a control plane has said what time it is. Only then a key that was made "later" is one that a lie
   * about time has dated, and is deleted with the others: it would outlive its certificate's truth by as much.
   */
  rotate(now: number, needed: ReadonlySet<Thumbprint>, timeIsKnown: boolean): Promise<boolean>;
}

export interface SealingKeysOptions {
  readonly storage: Storage;
  readonly crypto: Pick<AgentCrypto, 'identity' | 'createSealingKey'>;
  readonly log: Log;
  readonly instanceId: InstanceId;
}

/** Loads the keys, and makes the first. */
export async function openSealingKeys(options: SealingKeysOptions, now: number): Promise<SealingKeys> {
  const { storage, log } = options;
  const bytes = await storage.read(INDEX);
  const parsed = bytes === null ? null : parseJsonBytes(Index, bytes);
  if (parsed?.ok === false)
    log.error({}, 'the index of sealing keys is damaged; pending resets must be asked for anew');
  const files = await storage.list();
  const usable = (entry: KeyEntry) => files.includes(keyFile(entry.epoch));
  let keys = parsed?.ok === true ? parsed.body.keys.filter(usable) : [];
  const highest = Math.max(0, ...files.map((name) => Number(KEY_FILE.exec(name)?.[1] ?? 0)));
  let current = keys.at(-1) ?? null;

  const store = (next: readonly KeyEntry[]) => storage.replace(INDEX, utf8(JSON.stringify({ keys: next })));
  const removeStray = async () => {
    const known = new Set(keys.map((entry) => keyFile(entry.epoch)));
    const strays = (await storage.list()).filter((name) => KEY_FILE.test(name) && !known.has(name));
    for (const name of strays) await storage.remove(name);
  };
  const renew = async (at: number): Promise<KeyEntry> => {
    const entry = await createKey(options, Math.max(highest, current?.epoch ?? 0) + 1, at);
    await store([...keys, entry]);
    keys = [...keys, entry];
    current = entry;
    return entry;
  };

  const inTurn = createTurns();
  let latest = current ?? (await renew(now));
  /** When keys that a wrong clock had dated were first seen to be such. */
  const aheadSince = new Map<Thumbprint, number>();
  const lateSince = ({ keyId }: KeyEntry, at: number): boolean => {
    const since = aheadSince.get(keyId) ?? at;
    aheadSince.set(keyId, since);
    return at - since >= STILL_USED_MS;
  };
  await removeStray();
  return {
    statement: () => latest.statement,
    async privateKey(keyId) {
      const entry = keys.find((known) => known.keyId === keyId);
      return entry === undefined ? null : storage.read(keyFile(entry.epoch));
    },
    rotate: (at, needed, timeIsKnown) =>
      inTurn(async () => {
        const isAhead = (entry: KeyEntry) => entry.createdAt - at > AHEAD_MS_MAX;
        const aged = at - latest.createdAt > SEALING_KEY_ROTATION_MS || isAhead(latest);
        if (aged) latest = await renew(at);
        const isLive = (entry: KeyEntry) =>
          entry.notAfter > at && !(timeIsKnown && isAhead(entry) && lateSince(entry, at));
        const wanted = keys.filter((entry) => entry === latest || needed.has(entry.keyId) || isLive(entry));
        const kept = wanted.slice(-KEYS_MAX);
        if (kept.length < keys.length) {
          // The index first: a file without an entry is removed at the next start, an entry without a file is a lie.
          await store(kept);
          keys = kept;
          await removeStray();
        }
        return aged;
      }),
  };
}

async function createKey(options: SealingKeysOptions, epoch: number, now: number): Promise<KeyEntry> {
  const { storage, crypto, instanceId } = options;
  const { publicKey, keyId, privateKey } = await crypto.createSealingKey();
  try {
    // The key before its statement: nobody may seal to a key that a crash could take back.
    await storage.replace(keyFile(epoch), privateKey);
  } finally {
    privateKey.fill(0);
  }
  const notAfter = now + SEALING_KEY_LIFETIME_MS;
  const identity = crypto.identity.key;
  const body: SealingKeyStatement = { v: 1, instanceId, identity, keyId, publicKey, epoch, notAfter };
  const statement = await signJson(crypto.identity, 'sealing-key', body);
  return { epoch, keyId, createdAt: now, notAfter, statement };
}
