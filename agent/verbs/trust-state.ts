import { openTrust } from '../core/trust.ts';
import type { Enrolled } from '../compose.ts';

/** The version of the key set on disk; null when it is missing or damaged. */
export async function readTrustState({ storage, crypto, config }: Enrolled): Promise<number | null> {
  try {
    const trust = await openTrust({ storage, crypto, serverId: config.serverId });
    return trust.keySet().version;
  } catch {
    return null;
  }
}
