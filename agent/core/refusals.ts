import { fromBase64Url, type AgentFrame, type Digest, type ResultCode, type Signed } from '#protocol';
import type { AgentCrypto, Log } from '../ports.ts';
import type { Insist } from './insistence.ts';
import type { Journal } from './journal.ts';

/** Refusals that are remembered: more than orders are sent within an order's life. */
const REFUSALS_MAX = 1_000;

/** Unsigned words on orders that were not taken. They stand, also when the same bytes come once more. */
export interface Refusals {
  /** Unsigned, as it speaks of bytes and not of a task. */
  refuse(order: Signed, code: ResultCode): void;
  /** Whether exactly these bytes were refused before; says so again. They may be such as could be taken by now. */
  refuseAgain(order: Signed): boolean;
  /**
   * Refuses an order because it could not be journalled; says so only once it is certain that nothing of it is on disk:
   * before that, the next run of the agent could find it there and carry out what was said to have failed.
   */
  withdraw(order: Signed): void;
}

export function createRefusals(options: {
  readonly crypto: Pick<AgentCrypto, 'sha256'>;
  readonly journal: Pick<Journal, 'compact'>;
  readonly log: Log;
  readonly send: (frame: AgentFrame) => void;
  readonly insist: Insist;
  readonly onChange: () => void;
}): Refusals {
  const { crypto, journal, log, send, insist, onChange } = options;
  // Null while it may not be said yet. Orders of earlier sessions are worth nothing: the newest few are enough.
  const codes = new Map<Digest, ResultCode | null>();
  const digestOf = (order: Signed) => crypto.sha256(fromBase64Url(order.bytes));
  const remember = (order: Digest, code: ResultCode | null) => {
    codes.set(order, code);
    const [oldest] = codes.keys();
    if (codes.size > REFUSALS_MAX && oldest !== undefined) codes.delete(oldest);
  };
  const refuse = (order: Signed, code: ResultCode) => {
    const orderDigest = digestOf(order);
    remember(orderDigest, code);
    log.warn({ orderDigest, code }, 'refused an order');
    send({ type: 'order-refused', orderDigest, code });
  };
  return {
    refuse,
    refuseAgain(order) {
      const code = codes.get(digestOf(order));
      if (code === undefined) return false;
      if (code !== null) send({ type: 'order-refused', orderDigest: digestOf(order), code });
      return true;
    },
    withdraw(order) {
      // From here on, so that the same bytes are not taken while the first word on them is still to come.
      remember(digestOf(order), null);
      insist(() => journal.compact())
        .then((isForgotten) => {
          if (isForgotten) refuse(order, 'journal-failed');
        })
        .catch((error: unknown) => log.error({ error: String(error) }, 'an order could not be refused'));
      onChange();
    },
  };
}
