import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * SHA-256 (hex) of the installation script as it ships with this command line: what a host runs is what the operator's
 * own program knows, whatever the control plane serves.
 */
export function installScriptSha256(): string {
  const text = readFileSync(new URL('../../../scripts/instance/install-linux.sh', import.meta.url));
  return createHash('sha256').update(text).digest('hex');
}
