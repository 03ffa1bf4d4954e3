import type { CodeEntry } from './entry.ts';

const code = (message: string, remedy: string): CodeEntry => ({ status: null, message, remedy });

/** Why an agent did not take a key set. It keeps the one that it holds. */
export const KEY_SET_CODES = {
  'key-set-bad-signature': code(
    'The signature of the key set is wrong.',
    'The control plane or the connection is not what it seems: look into it.',
  ),
  'key-set-malformed': code(
    'The key set cannot be read, names a key twice or one that is not its own, or an authority that is none.',
    'Update an agent that is older than the control plane; otherwise sign a correct key set with the script key.',
  ),
  'key-set-unknown-key': code(
    'The key set is signed by a key that the agent does not know, or that is revoked.',
    'Sign it with a script key that the agent knows, or re-enrol the instance.',
  ),
  'key-set-wrong-role': code(
    'The key set is signed by a key that may not sign key sets.',
    'Someone used a key for what it is not for: look into it.',
  ),
  'key-set-older': code(
    'The key set is older than the one that the agent holds, or another one of the same version.',
    'Sign the key set again under a higher version; after a restored backup this is expected.',
  ),
  'key-set-other-server': code(
    'The key set belongs to another control plane.',
    'Check what the agent is connected to; to move it, re-enrol the instance.',
  ),
  'key-set-revocation-undone': code(
    'The key set no longer revokes what was revoked, or no longer names TLS authorities.',
    'Revocation is for good: list every revoked key and the authorities, and make new ones instead.',
  ),
} as const satisfies Record<string, CodeEntry>;

/** A code of a refused key set. */
export type KeySetRefusal = keyof typeof KEY_SET_CODES;
