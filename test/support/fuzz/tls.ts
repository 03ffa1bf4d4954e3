import { once } from 'node:events';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';

/** Where a server of ours listens, and whom its certificate is from. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
}

const CONNECT_MS_MAX = 30_000;

/** Opens TLS connections; after the first, each takes up the session of one before, which saves both sides a signature. */
export function createDialer({ host, port, ca }: Door) {
  let session: Buffer | undefined;
  // Once: to read the certificate of the authority costs more than a connection.
  const secureContext = createSecureContext({ ca });
  return async (): Promise<TLSSocket> => {
    const socket = connect({ host, port, secureContext, ...(session === undefined ? {} : { session }) });
    socket.setNoDelay(true);
    // Whoever reads from it is told by `close`; an error without a listener would end the test process.
    socket.on('error', () => socket.destroy());
    socket.on('session', (ticket) => {
      session = ticket;
    });
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(CONNECT_MS_MAX) });
    return socket;
  };
}
export type Dial = ReturnType<typeof createDialer>;
