import {
  sealedBytes,
  type Digest,
  type InstanceId,
  type Order,
  type ResultCode,
  type Signed,
  type SignedScript,
} from '#protocol';
import type { AcceptedRecord, LedgerTask } from '../domain/ledger.ts';
import { judgeOrder, openOrder } from '../domain/order-judgement.ts';
import type { AgentCrypto } from '../ports.ts';
import type { Journal } from './journal.ts';
import type { OpenScript } from './script-opener.ts';
import type { Trust } from './trust.ts';

/** What an order is judged by besides itself: the session that brought it. */
export interface SessionView {
  readonly binding: Digest;
  /** Monotonic, and no later than the moment from which the control plane counts. */
  readonly startedMs: number;
}

/** An order that may be run: genuine, for us, fresh, with its script. */
export interface OpenTask {
  readonly order: Order;
  readonly script: Uint8Array;
  readonly accepted: AcceptedRecord;
  /** Whether `accepted` is on disk. */
  readonly journalled: boolean;
  /** Whether it was begun by an earlier run of the agent. */
  readonly begun: boolean;
}

export type Admission =
  | { readonly to: 'refuse'; readonly code: ResultCode }
  | { readonly to: 'say-again'; readonly task: LedgerTask }
  | { readonly to: 'decline'; readonly code: ResultCode; readonly accepted: AcceptedRecord }
  | { readonly to: 'take'; readonly task: OpenTask };

export interface AdmissionOptions {
  readonly crypto: Pick<AgentCrypto, 'identity' | 'verify' | 'sha256'>;
  readonly trust: Pick<Trust, 'keySet'>;
  readonly journal: Pick<Journal, 'ledger'>;
  readonly instanceId: InstanceId;
  readonly openScript: OpenScript;
  readonly bootId: string;
  readonly believedNow: () => number;
}

/** Verifies and judges an order that came in a session. Changes nothing. */
export async function admit(
  options: AdmissionOptions,
  frame: { readonly order: Signed; readonly script: SignedScript },
  session: SessionView,
  arrivedMs: number,
): Promise<Admission> {
  const { crypto, trust, instanceId, bootId } = options;
  const opened = await openOrder(crypto.verify, trust.keySet(), frame.order);
  if (!opened.ok) return { to: 'refuse', code: opened.code };
  const { order } = opened;
  const script = await options.openScript(frame.script, order.scriptDigest);
  const sealedDigest = crypto.sha256(sealedBytes(order.sealed));
  // From here on nothing waits, so that the ledger which is judged is the ledger that is acted on.
  const verdict = judgeOrder(order, {
    ...{ instanceId, identity: crypto.identity.key, sealedDigest, arrivedMs },
    ...{ sessionBinding: session.binding, sessionStartedMs: session.startedMs },
    ...{ wallMs: options.believedNow(), ledger: options.journal.ledger() },
  });
  if (verdict.verdict === 'refuse') return { to: 'refuse', code: verdict.code };
  if (verdict.verdict === 'again') return { to: 'say-again', task: verdict.task };
  const deadlineMs = verdict.verdict === 'take' ? verdict.deadlineMs : arrivedMs;
  const { taskId, resetId, account, generation, notAfter } = order;
  const accepted: AcceptedRecord = {
    ...{
      kind: 'accepted',
      taskId,
      resetId,
      account,
      generation,
      notAfter,
      sealedDigest,
      bootId,
      arrivedMs,
      deadlineMs,
    },
    ...{ keyId: order.sealed.keyId, order: frame.order, script: frame.script },
  };
  if (verdict.verdict === 'fail') return { to: 'decline', code: verdict.code, accepted };
  if (!script.ok) return { to: 'decline', code: script.code, accepted };
  return { to: 'take', task: { order, script: script.bytes, accepted, journalled: false, begun: false } };
}

/** A journalled order, opened again after a restart; null when keys have been revoked meanwhile, or it is damaged. */
export async function reopen(
  options: AdmissionOptions,
  accepted: AcceptedRecord,
  begun: boolean,
): Promise<OpenTask | null> {
  const opened = await openOrder(options.crypto.verify, options.trust.keySet(), accepted.order);
  if (!opened.ok) return null;
  const script = await options.openScript(accepted.script, opened.order.scriptDigest);
  if (!script.ok) return null;
  return { order: opened.order, script: script.bytes, accepted, journalled: true, begun };
}
