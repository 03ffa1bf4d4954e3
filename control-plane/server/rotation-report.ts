import { join } from 'node:path';
import type { AuthorityRotation } from './keys/authority-rotation.ts';

/** What is left to do for an operator who has begun to rotate the TLS authority. */
export function authorityRotated({ version, caPin }: AuthorityRotation, keysDir: string): readonly string[] {
  return [
    `key set ${String(version)} names a new TLS authority (pin ${caPin}) beside the old one, which vouches for it.`,
    'Next:',
    '  1. restart the server, every replica of it: it presents a certificate of the new authority, agents learn of it',
    `  2. give operators the new ${join(keysDir, 'ca.crt')}; with the old one their command line goes on working`,
    '  3. when every join token from before has ended, 7 days at the most:',
    '     latchkey server rotate-ca --finish --script-key FILE',
    'The old key is no longer here; destroy the copies of it in your backups of the keys.',
  ];
}

/** The same, once the old one is withdrawn. */
export function authorityFinished({ version, caPin }: AuthorityRotation): readonly string[] {
  return [
    `key set ${String(version)} names one TLS authority (pin ${caPin}).`,
    'Restart the server, every replica of it: agents that connect after that believe no other. One that is away still',
    'believes the old one, finds its way by what that vouches for, and learns of this in its first session.',
  ];
}
