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
  /**
   * For every connection, before a byte of it was read: false when there are too many, and it was cut. When all places
   * are taken, it may be another one that is cut in its stead: the oldest of whoever has the most.
   */
  admit(socket: Socket): boolean;
  /** Its peer has proven who it is: it counts no more. */
  proven(end: End): void;
  readonly unproven: number;
}

/** A socket that takes a place. */
interface Held {
  readonly socket: Socket;
  readonly source: string;
}

/** `refused` hears which limit it was that a socket was cut for. */
export function createSocketLimits(deps: {
  readonly limits: UnprovenSocketLimits;
  readonly sourceOf: (address: string | undefined) => string;
  readonly refused: (limit: SocketLimitName) => void;
}): SocketLimits {
  const { limits, sourceOf } = deps;
  /** By source, oldest first. */
  const bySource = new Map<string, Set<Held>>();
  /** By both their ends: no other open socket has both. */
  const byEnds = new Map<string, Held>();
  let unproven = 0;

  const countOf = (source: string): number => bySource.get(source)?.size ?? 0;
  const take = (held: Held): void => {
    const those = bySource.get(held.source) ?? new Set();
    bySource.set(held.source, those.add(held));
    unproven += 1;
  };
  const release = (held: Held): void => {
    const those = bySource.get(held.source);
    if (those?.delete(held) !== true) return;
    unproven -= 1;
    if (those.size === 0) bySource.delete(held.source);
  };
  // Cut, not answered: an answer would cost the TLS handshake that this is about.
  const cut = (socket: Socket, limit: SocketLimitName): void => {
    deps.refused(limit);
    socket.destroy();
  };
  /** Whoever holds the most places makes room for a source that holds fewer: so few sources cannot shut out all others. */
  const makeRoom = (source: string): boolean => {
    let most: ReadonlySet<Held> = new Set();
    for (const those of bySource.values()) if (those.size > most.size) most = those;
    const [oldest] = most;
    if (oldest === undefined || most.size <= countOf(source)) return false;
    release(oldest);
    cut(oldest.socket, 'total');
    return true;
  };

  return {
    admit(socket) {
      const source = sourceOf(socket.remoteAddress);
      if (countOf(source) >= limits.perAddress) {
        cut(socket, 'perAddress');
        return false;
      }
      if (unproven >= limits.total && !makeRoom(source)) {
        cut(socket, 'total');
        return false;
      }
      // Taken now: a closed socket has no address any more.
      const key = keyOf(socket);
      const held = { socket, source };
      take(held);
      byEnds.set(key, held);
      socket.once('close', () => {
        release(held);
        // Those that were gone before they were looked at have no address, and all the same key.
        if (byEnds.get(key) === held) byEnds.delete(key);
      });
      return true;
    },
    proven(end) {
      const key = keyOf(end);
      const held = byEnds.get(key);
      if (held === undefined) return;
      release(held);
      byEnds.delete(key);
    },
    get unproven() {
      return unproven;
    },
  };
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: End): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}
