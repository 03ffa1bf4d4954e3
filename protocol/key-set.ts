import * as z from 'zod';
import { base64UrlBytes, fromBase64Url } from './encoding.ts';
import { EpochMs, PublicKey, Thumbprint } from './ids.ts';
import { AUTHORITIES_MAX, AUTHORITY_BYTES_MAX, KEY_SET_KEYS_MAX } from './limits.ts';
import type { KeySetRefusal } from './codes/key-set.ts';
import { ScriptName } from './order.ts';
import { openSigned, parseJsonBytes, thumbprintOf, type Signed, type Verify } from './signing.ts';

/** What a key of a key set may sign: orders, scripts and key sets, or agent releases. */
export const KeyRole = z.enum(['order', 'script', 'release']);
export type KeyRole = z.infer<typeof KeyRole>;

export const KeySetEntry = z.strictObject({
  role: KeyRole,
  /** Ed25519. */
  publicKey: PublicKey,
  /** RFC 7638, of `publicKey`; checked on receipt. */
  key: Thumbprint,
  /** Revocation is for good: no later set may make a revoked key active again. */
  status: z.enum(['active', 'revoked']),
});
export type KeySetEntry = z.infer<typeof KeySetEntry>;

/**
 * Which keys an agent believes, signed by a script key. A field of a later version is passed over: an agent that refused
 * the set for it would not learn of the next order key, and be lost with it.
 */
export const KeySet = z.object({
  v: z.literal(1),
  /** Only rises. */
  version: z.int().min(1),
  /** Thumbprint of the first script key of this control plane: its identity for good. */
  serverId: Thumbprint,
  /** Each key once: of two entries for one key, one could revoke it and the other keep it active. */
  keys: z
    .array(KeySetEntry)
    .min(1)
    .max(KEY_SET_KEYS_MAX)
    .refine((keys) => new Set(keys.map((entry) => entry.key)).size === keys.length, 'names a key twice'),
  issuedAt: EpochMs,
  /**
   * The lowest version of each script that may still run: what was signed below it has been withdrawn, for good. A set
   * without it withdraws nothing.
   */
  scriptVersionsMin: z
    .object({ 'reset-linux': z.int().min(1).optional(), 'reset-windows': z.int().min(1).optional() })
    .optional(),
  /**
   * The TLS authorities that an agent believes which joined by one of this control plane's own: X.509 in DER, the one in
   * use first. They take the place of the one that it joined by, for good: no later set is without. A set without them
   * leaves it at that one. Agents that joined by an authority of the system's are not concerned.
   */
  authorities: z.array(base64UrlBytes(1, AUTHORITY_BYTES_MAX)).min(1).max(AUTHORITIES_MAX).optional(),
});
export type KeySet = z.infer<typeof KeySet>;

/** What an agent knows before it holds a key set: the script key that its join token named. */
export interface TrustAnchor {
  readonly scriptKey: Thumbprint;
  /** The version that was current when the token was made: an older set may name an order key that was rotated away. */
  readonly keySetVersionMin?: number | undefined;
}

export type { KeySetRefusal };

export type KeySetVerdict = { accept: true; keySet: KeySet; changed: boolean } | { accept: false; code: KeySetRefusal };

const SCRIPT_NAMES = ScriptName.options;

/** The lowest version of that script that may run; 0 where the set withdraws none. */
export function scriptVersionMin(keySet: KeySet, name: ScriptName): number {
  return keySet.scriptVersionsMin?.[name] ?? 0;
}

/** The active key of that role and thumbprint; the refusal tells an unknown key from one of another role. */
export function findKey(
  keySet: KeySet,
  role: KeyRole,
  key: Thumbprint,
): { ok: true; publicKey: PublicKey } | { ok: false; why: 'unknown-key' | 'wrong-role' | 'revoked-key' } {
  const entry = keySet.keys.find((candidate) => candidate.key === key);
  if (entry === undefined) return { ok: false, why: 'unknown-key' };
  if (entry.role !== role) return { ok: false, why: 'wrong-role' };
  if (entry.status !== 'active') return { ok: false, why: 'revoked-key' };
  return { ok: true, publicKey: entry.publicKey };
}

/** Whether a key set replaces the one that is held. Script keys come only from script keys; versions only rise. */
export async function judgeKeySet(verify: Verify, held: KeySet, candidate: Signed): Promise<KeySetVerdict> {
  const signer = findKey(held, 'script', candidate.key);
  if (!signer.ok) {
    return { accept: false, code: signer.why === 'wrong-role' ? 'key-set-wrong-role' : 'key-set-unknown-key' };
  }
  const opened = await open(verify, signer.publicKey, candidate);
  if (!opened.accept) return opened;
  const next = opened.keySet;
  if (next.serverId !== held.serverId) return { accept: false, code: 'key-set-other-server' };
  if (next.version < held.version) return { accept: false, code: 'key-set-older' };
  if (next.version === held.version) {
    // The same set again is welcome; another one under the same number is an older branch of history.
    return sameKeySet(next, held)
      ? { accept: true, keySet: held, changed: false }
      : { accept: false, code: 'key-set-older' };
  }
  const revoked = held.keys.filter((entry) => entry.status === 'revoked');
  const undone = revoked.some((old) => !next.keys.some((entry) => entry.key === old.key && entry.status === 'revoked'));
  // Without them, an authority that was withdrawn would be believed again by whoever joined by it.
  const restored = held.authorities !== undefined && next.authorities === undefined;
  if (undone || restored || SCRIPT_NAMES.some((name) => scriptVersionMin(next, name) < scriptVersionMin(held, name))) {
    return { accept: false, code: 'key-set-revocation-undone' };
  }
  return { accept: true, keySet: next, changed: true };
}

/** Field by field: a held set may come from a store that kept another order of members. */
function sameKeySet(a: KeySet, b: KeySet): boolean {
  const text = (keySet: KeySet) => {
    const { v, version, serverId, keys, issuedAt } = keySet;
    const entries = keys.map((e) => [e.role, e.publicKey, e.key, e.status]);
    const scripts = SCRIPT_NAMES.map((name) => scriptVersionMin(keySet, name));
    return JSON.stringify([v, version, serverId, issuedAt, entries, scripts, keySet.authorities ?? null]);
  };
  return text(a) === text(b);
}

/** The first key set, at enrolment: signed by the script key that the join token named, which the set keeps active. */
export async function judgeFirstKeySet(verify: Verify, anchor: TrustAnchor, candidate: Signed): Promise<KeySetVerdict> {
  if (candidate.key !== anchor.scriptKey) return { accept: false, code: 'key-set-unknown-key' };
  const claimed = await peekSignerKey(candidate);
  if (claimed === null) return { accept: false, code: 'key-set-malformed' };
  const opened = await open(verify, claimed, candidate);
  if (!opened.accept) return opened;
  if (opened.keySet.version < (anchor.keySetVersionMin ?? 0)) return { accept: false, code: 'key-set-older' };
  const signer = findKey(opened.keySet, 'script', candidate.key);
  return signer.ok ? opened : { accept: false, code: 'key-set-unknown-key' };
}

/**
 * The public key behind `candidate.key`, taken from the candidate itself. Reading before verifying is safe here alone:
 * the key is used only if its thumbprint is the anchor's, and then only to verify.
 */
async function peekSignerKey(candidate: Signed): Promise<PublicKey | null> {
  const peeked = parseJsonBytes(KeySet, fromBase64Url(candidate.bytes));
  if (!peeked.ok) return null;
  const entry = peeked.body.keys.find((known) => known.key === candidate.key && known.role === 'script');
  if (entry === undefined || (await thumbprintOf(entry.publicKey)) !== candidate.key) return null;
  return entry.publicKey;
}

async function open(verify: Verify, publicKey: PublicKey, candidate: Signed): Promise<KeySetVerdict> {
  const opened = await openSigned(verify, publicKey, 'key-set', KeySet, candidate);
  if (!opened.ok) {
    return { accept: false, code: opened.why === 'malformed' ? 'key-set-malformed' : 'key-set-bad-signature' };
  }
  for (const entry of opened.body.keys) {
    if ((await thumbprintOf(entry.publicKey)) !== entry.key) return { accept: false, code: 'key-set-malformed' };
  }
  return { accept: true, keySet: opened.body, changed: true };
}
