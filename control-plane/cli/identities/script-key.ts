import { fingerprintOf, parseJoinToken } from '#protocol';
import { clientError } from '../errors.ts';
import type { Ports } from '../ports.ts';
import { scriptKeyPinsOf } from '../state.ts';
import { readFingerprint } from './key-pins.ts';

export const SCRIPT_KEY_FLAG = [
  '--script-key <SHA256:…>',
  'the key that signs what instances run: pins it, also in place of another one',
] as const;

/**
 * A join token says whose scripts an instance runs as root, and it is the control plane that wrote it: one that was
 * stolen would name a key of the thief's. So the key that is named is the one that is pinned; the first one that is seen
 * is pinned, and said.
 */
export async function checkJoinToken(
  token: string,
  from: { readonly ports: Ports; readonly server: string; readonly named: string | undefined },
): Promise<void> {
  const { ports, server } = from;
  const key = parseJoinToken(token)?.scriptKey;
  if (key === undefined) throw clientError('control-plane-answer-invalid', ['It is not a join token.']);
  const pins = scriptKeyPinsOf(ports);
  const pinned = await pins.find(server);
  const named = from.named === undefined ? null : readFingerprint('--script-key', from.named);
  const believed = named ?? pinned ?? key;
  if (key !== believed) {
    const message = `pinned ${fingerprintOf(believed)}, presented ${fingerprintOf(key)}`;
    throw clientError('script-key-changed', [{ subject: 'script key', code: 'script-key-changed', message }]);
  }
  if (key === pinned) return;
  await pins.pin(server, key);
  const how = named === null ? 'seen for the first time' : 'as named';
  ports.terminal.err(`The script key of ${server} is pinned: ${fingerprintOf(key)} (${how}).`);
}
