import { createHash, webcrypto } from 'node:crypto';

/**
 * Makes the runtime's SHA-256 compute on this thread. The result is the same; but the runtime hands it to another
 * thread, and then the order of things would depend on how fast that one is. The protocol asks the runtime for it by
 * itself (thumbprints, session bindings), so that there is no port to make it up behind.
 */
export function hashOnThisThread(): void {
  const digest = async (algorithm: unknown, data: Uint8Array): Promise<ArrayBuffer> => {
    if (algorithm !== 'SHA-256') throw new TypeError(`nobody asks for ${String(algorithm)}`);
    return new Uint8Array(createHash('sha256').update(data).digest()).buffer;
  };
  Object.defineProperty(webcrypto.subtle, 'digest', { value: digest, configurable: true });
}
