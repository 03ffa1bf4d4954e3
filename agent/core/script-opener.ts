import type { Digest, KeySet, OperatingSystem, SignedScript } from '#protocol';
import { openScript, type OpenedScript } from '../domain/order-judgement.ts';
import type { AgentCrypto } from '../ports.ts';
import type { Trust } from './trust.ts';

/** The bytes of a script, if it may run here and is the one of that digest. */
export type OpenScript = (script: SignedScript, digest: Digest) => Promise<OpenedScript>;

/**
 * One order after another brings the same script. What was verified once under the key set that is held is not verified
 * again: the text that comes must be the same to the last character, and a key set that changes ends it.
 */
export function createScriptOpener(options: {
  readonly crypto: Pick<AgentCrypto, 'verify' | 'sha256'>;
  readonly trust: Pick<Trust, 'keySet'>;
  readonly os: OperatingSystem;
}): OpenScript {
  const { crypto, trust, os } = options;
  let last: { keySet: KeySet; digest: Digest; script: SignedScript; opened: OpenedScript } | null = null;
  return async (script, digest) => {
    const keySet = trust.keySet();
    if (last?.keySet === keySet && last.digest === digest && isSame(last.script, script)) return last.opened;
    const opened = await openScript(crypto, keySet, script, { digest, os });
    if (opened.ok) last = { keySet, digest, script, opened };
    return opened;
  };
}

function isSame(a: SignedScript, b: SignedScript): boolean {
  const { statement: one, bytes } = a;
  const { statement: other } = b;
  return bytes === b.bytes && one.key === other.key && one.bytes === other.bytes && one.signature === other.signature;
}
