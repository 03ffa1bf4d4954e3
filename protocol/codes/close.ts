/**
 * Why a WebSocket was closed: RFC 6455 private codes (4000 to 4999). `retry` says what the agent does then: come back
 * with back-off, come back when told, or stop trying often because only an operator can mend it.
 */
export const CLOSE_CODES = {
  'frame-malformed': { close: 4400, retry: 'back-off', message: 'A frame could not be read.' },
  'proof-invalid': {
    close: 4401,
    retry: 'slow',
    message: 'The proof of identity is wrong or the instance is unknown.',
  },
  'role-not-allowed': { close: 4403, retry: 'slow', message: 'This identity may not connect in that role.' },
  fenced: { close: 4404, retry: 'slow', message: 'The identity is fenced: it was used by two machines.' },
  'handshake-timeout': { close: 4408, retry: 'back-off', message: 'The handshake took too long.' },
  'session-replaced': {
    close: 4409,
    retry: 'back-off',
    message: 'A newer session of the same identity took its place.',
  },
  'frame-too-large': { close: 4413, retry: 'back-off', message: 'A frame was too large.' },
  'frame-unexpected': {
    close: 4422,
    retry: 'back-off',
    message: 'A frame came where the protocol has no place for it.',
  },
  'version-unsupported': { close: 4426, retry: 'slow', message: 'No common protocol version.' },
  'too-many-frames': { close: 4429, retry: 'back-off', message: 'Frames came too fast.' },
  'internal-failure': { close: 4500, retry: 'back-off', message: 'The control plane failed.' },
  draining: { close: 4503, retry: 'when-told', message: 'The control plane is restarting.' },
  'liveness-missed': { close: 4504, retry: 'back-off', message: 'A liveness challenge was not answered in time.' },
  'server-proof-invalid': { close: 4511, retry: 'slow', message: 'The control plane could not prove what it is.' },
} as const satisfies Record<string, { close: number; retry: 'back-off' | 'when-told' | 'slow'; message: string }>;

export type CloseReason = keyof typeof CLOSE_CODES;

/** The reason behind a close code of a peer, or null for one that is not ours. */
export function closeReasonOf(close: number): CloseReason | null {
  const reasons = Object.keys(CLOSE_CODES) as CloseReason[];
  return reasons.find((reason) => CLOSE_CODES[reason].close === close) ?? null;
}
