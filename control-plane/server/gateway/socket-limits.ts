import type { Socket } from 'node:net';

/**
 * How many sockets may be open of peers that have not proven themselves as an instance: those in their TLS handshake,
 * those of the API, and agents before their proof. Sessions of agents do not count.
 */
export interface UnprovenSocketLimits {
  readonly total: number;
  /** See `sourceOf`. */
  readonly perAddress: number;
}

/**
 * At about 64 KB a TLS connection, all of them together take 256 MB. A fleet of ten thousand behind one address comes
 * back by its back-off: each agent needs its place for the milliseconds of a handshake.
 */
export const UNPROVEN_SOCKETS: UnprovenSocketLimits = { total: 4_000, perAddress: 1_000 };

export type SocketLimitName = keyof UnprovenSocketLimits;

/** What is known of a socket below TLS and above it alike. */
type End = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;

export interface SocketLimits {
  /** For every connection, before a byte of it was read: false when there are too many, and it was cut. */
  admit(socket: Socket): boolean;
  /** Its peer has proven who it is: it counts no more. */
  proven(end: End): void;
  readonly unproven: number;
}

/** `refused` hears which limit it was. */
export function createSocketLimits(deps: {
  readonly limits: UnprovenSocketLimits;
  readonly sourceOf: (address: string | undefined) => string;
  readonly refused: (limit: SocketLimitName) => void;
}): SocketLimits {
  const { limits, sourceOf } = deps;
  /** How to let go of an unproven socket, by its two ends: no other open socket has both. */
  const releases = new Map<string, () => void>();
  const counts = new Map<string, number>();
  let unproven = 0;

  /** Counts one more, until what it returns is called, once or more often. */
  const take = (source: string): (() => void) => {
    unproven += 1;
    counts.set(source, (counts.get(source) ?? 0) + 1);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      unproven -= 1;
      const left = (counts.get(source) ?? 1) - 1;
      if (left === 0) counts.delete(source);
      else counts.set(source, left);
    };
  };
  const exceeded = (source: string): SocketLimitName | null => {
    if (unproven >= limits.total) return 'total';
    return (counts.get(source) ?? 0) >= limits.perAddress ? 'perAddress' : null;
  };

  return {
    admit(socket) {
      const source = sourceOf(socket.remoteAddress);
      const limit = exceeded(source);
      if (limit !== null) {
        deps.refused(limit);
        // Cut, not answered: an answer would cost the TLS handshake that this is about.
        socket.destroy();
        return false;
      }
      // Taken now: a closed socket has no address any more.
      const key = keyOf(socket);
      const release = take(source);
      releases.set(key, release);
      socket.once('close', () => {
        release();
        // Those that were gone before they were looked at have no address, and all the same key.
        if (releases.get(key) === release) releases.delete(key);
      });
      return true;
    },
    proven: (end) => releases.get(keyOf(end))?.(),
    get unproven() {
      return unproven;
    },
  };
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: End): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}
