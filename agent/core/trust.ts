import {
  KeySet,
  parseJsonBytes,
  Signed,
  utf8,
  type ComponentStatus,
  type KeySetRefusal,
  type Thumbprint,
} from '#protocol';
import type { AgentCrypto, Storage } from '../ports.ts';

export const KEY_SET = 'key-set.json';

/** The key set that the agent believes, on disk as it was received. */
export interface Trust {
  keySet(): KeySet;
  /** The TLS authorities that it names; null for the one that was joined by. */
  authorities(): readonly string[] | null;
  /** Judges a set; a newer one is on disk before it is believed. null: taken, or the same as before. */
  offer(candidate: Signed): Promise<KeySetRefusal | null>;
  /** What a control plane that has proven itself offered last: null where nothing of it was refused. */
  note(refused: KeySetRefusal | null): void;
  health(): ComponentStatus;
}

/** Rejects when there is no whole key set of that control plane: then the instance must be enrolled anew. */
export async function openTrust(options: {
  readonly storage: Storage;
  readonly crypto: Pick<AgentCrypto, 'judgeKeySet' | 'reopenKeySet'>;
  readonly serverId: Thumbprint;
}): Promise<Trust> {
  const { storage, crypto, serverId } = options;
  const bytes = await storage.read(KEY_SET);
  const stored = bytes === null ? null : parseJsonBytes(Signed, bytes);
  const verdict = stored?.ok === true ? await crypto.reopenKeySet(stored.body) : null;
  if (verdict?.accept !== true || verdict.keySet.serverId !== serverId) throw new TrustMissingError();

  let held = verdict.keySet;
  let refused: KeySetRefusal | null = null;
  return {
    keySet: () => held,
    authorities: () => held.authorities ?? null,
    async offer(candidate) {
      const judged = await crypto.judgeKeySet(held, candidate);
      if (!judged.accept) return judged.code;
      if (judged.changed) {
        await storage.replace(KEY_SET, utf8(JSON.stringify(candidate)));
        held = judged.keySet;
      }
      return null;
    },
    // Not at the offer: whoever answers may offer something, and would be remembered for it as the control plane's fault.
    note(newest) {
      refused = newest;
    },
    health: () => (refused === null ? { state: 'ok' } : { state: 'failing', code: 'trust-outdated', detail: refused }),
  };
}

export class TrustMissingError extends Error {
  readonly code = 'trust-missing';
  constructor() {
    super('The stored key set is missing, damaged, or of another control plane.');
    this.name = 'TrustMissingError';
  }
}
