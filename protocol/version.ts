/**
 * The dated history of the wire protocol. An entry is never edited once released; a change that an older peer would
 * misread gets a new number, an addition that it may ignore gets a line here and keeps the number.
 */
export const PROTOCOL_HISTORY = [
  {
    version: 1,
    date: '2026-11-23',
    change:
      'First version: mutual proof, liveness challenges, signed orders and scripts, sealed passwords, signed results.',
  },
  {
    version: 1,
    date: '2026-11-23',
    change:
      'Key sets may name the TLS authorities that agents believe. From here on agents pass over fields of a key set that they do not know; one from before refuses such a set, and is lost once the order key rotates.',
  },
  {
    version: 1,
    date: '2026-11-23',
    change:
      'Join tokens name the version of the key set that was current when they were made, and agents refuse an older one. An agent from before does not read such a token; one that is newer takes a token without it.',
  },
] as const;

/** The newest version that this code speaks. */
export const PROTOCOL_VERSION = 1;

/** Every version that this code still understands, newest first. */
export const PROTOCOL_VERSIONS_SPOKEN: readonly number[] = [1];

/** The WebSocket subprotocol that both sides name in the upgrade. */
export const GATEWAY_SUBPROTOCOL = 'latchkey.v1';

/** The one path at which agents and plug-ins open their WebSocket. */
export const GATEWAY_PATH = '/agent/v1';

/** The prefix of every route of the REST API. */
export const API_PREFIX = '/api/v1';

/** The newest version that both sides speak, or null. */
export function negotiateVersion(theirs: readonly number[]): number | null {
  return PROTOCOL_VERSIONS_SPOKEN.find((version) => theirs.includes(version)) ?? null;
}
