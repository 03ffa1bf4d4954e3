import { fileURLToPath } from 'node:url';

/** The checkout that this demonstration shows. */
export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A program of `scripts/`, by its full path. */
export const program = (name: string): string => `${CHECKOUT}/scripts/${name}`;

/**
 * What every program starts with. Nothing of the caller's own: no proxy (all is on loopback), no LATCHKEY_* of another
 * control plane, no locale (messages are compared).
 */
export const PLAIN_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
} as const;
