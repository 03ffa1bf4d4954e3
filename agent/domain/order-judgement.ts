import {
  CLOCK_SKEW_MS_MAX,
  findKey,
  fromBase64Url,
  GENERATION_STEP_MAX,
  openSigned,
  Order,
  RESET_LIFETIME_MS_MAX,
  ScriptStatement,
  scriptVersionMin,
  type Digest,
  type InstanceId,
  type KeySet,
  type OperatingSystem,
  type ResultCode,
  type Signed,
  type SignedScript,
  type Thumbprint,
  type Verify,
} from '#protocol';
import { hasRoomFor, type Ledger, type LedgerTask } from './ledger.ts';

/** Results that wait for their acknowledgement, and orders that wait for their turn: more are not taken. */
export const OPEN_TASKS_MAX = 256;
/** Resets that are remembered as spent. Past this, or an account's share of it, none is taken rather than one forgotten. */
export const SPENT_RESETS_MAX = 20_000;

export type OpenedOrder = { ok: true; order: Order } | { ok: false; code: ResultCode };

const KEY_CODES = {
  'unknown-key': 'order-unknown-key',
  'wrong-role': 'order-wrong-key-role',
  'revoked-key': 'order-revoked-key',
} as const;

/** Verifies the order's bytes by an active order key, and parses them only then. */
export async function openOrder(verify: Verify, keySet: KeySet, signed: Signed): Promise<OpenedOrder> {
  const key = findKey(keySet, 'order', signed.key);
  if (!key.ok) return { ok: false, code: KEY_CODES[key.why] };
  const opened = await openSigned(verify, key.publicKey, 'order', Order, signed);
  if (opened.ok) return { ok: true, order: opened.body };
  return { ok: false, code: opened.why === 'malformed' ? 'order-malformed' : 'order-bad-signature' };
}

export type OpenedScript =
  { ok: true; bytes: Uint8Array } | { ok: false; code: 'script-unknown' | 'script-withdrawn' | 'os-unsupported' };

/** The script's bytes, if a script key vouches for them, the order names them and they are for this system. */
export async function openScript(
  crypto: { readonly verify: Verify; readonly sha256: (bytes: Uint8Array) => Digest },
  keySet: KeySet,
  script: SignedScript,
  expected: { readonly digest: Digest; readonly os: OperatingSystem },
): Promise<OpenedScript> {
  const unknown = { ok: false, code: 'script-unknown' } as const;
  const key = findKey(keySet, 'script', script.statement.key);
  if (!key.ok) return unknown;
  const opened = await openSigned(crypto.verify, key.publicKey, 'script', ScriptStatement, script.statement);
  if (!opened.ok) return unknown;
  const bytes = fromBase64Url(script.bytes);
  if (opened.body.digest !== expected.digest || crypto.sha256(bytes) !== expected.digest) return unknown;
  // An old signature holds for ever: without this, who has an order key could bring back a hole that was mended.
  if (opened.body.version < scriptVersionMin(keySet, opened.body.name)) return { ok: false, code: 'script-withdrawn' };
  const fits = opened.body.os === expected.os && opened.body.name === `reset-${expected.os}`;
  return fits ? { ok: true, bytes } : { ok: false, code: 'os-unsupported' };
}

export interface JudgementContext {
  readonly instanceId: InstanceId;
  readonly identity: Thumbprint;
  /** The session that brought the order. */
  readonly sessionBinding: Digest;
  /** When that session began, monotonic; earlier than the control plane's own count began. */
  readonly sessionStartedMs: number;
  readonly arrivedMs: number;
  /** The wall clock that is believed: see `believedNow`. */
  readonly wallMs: number;
  readonly ledger: Ledger;
  readonly sealedDigest: Digest;
}

export type OrderVerdict =
  /** Say only that these bytes were not taken; about the task that they name nothing may be said. */
  | { readonly verdict: 'refuse'; readonly code: ResultCode }
  /** A task that is known: say again what is known. */
  | { readonly verdict: 'again'; readonly task: LedgerTask }
  /** The order is genuine and fresh, and nothing will be done about it: a signed result says so. */
  | { readonly verdict: 'fail'; readonly code: ResultCode }
  | { readonly verdict: 'take'; readonly deadlineMs: number };

/**
 * What to do about an order whose signature is good. The first checks ask whether it is meant for us and now; a replay
 * ends there. A signed result is given only about a task of this very session, never about one that was started before:
 * otherwise a replayed order could make the instance sign that a reset failed which in truth succeeded.
 */
export function judgeOrder(order: Order, context: JudgementContext): OrderVerdict {
  const { ledger } = context;
  if (order.instanceId !== context.instanceId || order.identity !== context.identity) {
    return { verdict: 'refuse', code: 'order-other-instance' };
  }
  if (order.sessionBinding !== context.sessionBinding) return { verdict: 'refuse', code: 'order-other-session' };
  const known = ledger.tasks.get(order.taskId);
  if (known !== undefined) {
    const { resetId, sealedDigest } = known.phase === 'open' ? known.accepted : known.record;
    const same = resetId === order.resetId && sealedDigest === context.sealedDigest;
    return same ? { verdict: 'again', task: known } : { verdict: 'refuse', code: 'reset-id-reused' };
  }
  if (ledger.spent.has(order.resetId)) return { verdict: 'refuse', code: 'reset-id-reused' };
  if (ledger.tasks.size >= OPEN_TASKS_MAX || !hasRoomFor(ledger, order.account, SPENT_RESETS_MAX)) {
    return { verdict: 'refuse', code: 'instance-overloaded' };
  }
  const applied = ledger.generations.get(order.account) ?? 0;
  if (order.generation > applied + GENERATION_STEP_MAX) return { verdict: 'refuse', code: 'order-malformed' };
  // A reset is remembered until its limit and beyond: one without end would stay for ever, and many fill the memory. The
  // client's clock and ours may each be off from the control plane's.
  if (order.notAfter > context.wallMs + RESET_LIFETIME_MS_MAX + 2 * CLOCK_SKEW_MS_MAX) {
    return { verdict: 'refuse', code: 'order-malformed' };
  }
  const deadlineMs = deadlineOf(order, context);
  if (context.arrivedMs >= deadlineMs) return { verdict: 'fail', code: 'order-expired' };
  if (context.wallMs > order.notAfter) return { verdict: 'fail', code: 'reset-expired' };
  if (order.generation <= applied) return { verdict: 'fail', code: 'generation-stale' };
  return { verdict: 'take', deadlineMs };
}

/** No order lives longer here than its lifetime, whatever age of the session it claims. */
function deadlineOf(order: Order, context: Pick<JudgementContext, 'sessionStartedMs' | 'arrivedMs'>): number {
  const bySession = context.sessionStartedMs + order.sessionAgeMs + order.lifetimeMs;
  return Math.min(bySession, context.arrivedMs + order.lifetimeMs);
}
