import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A real CONNECT proxy on the loopback. */
export interface ConnectProxy extends AsyncDisposable {
  readonly port: number;
  /** The targets that were asked for, in order. */
  readonly asked: string[];
  /** How many tunnels were opened. */
  readonly opened: number;
  /** What `Proxy-Authorization` came with the last request. */
  readonly authorization: string | null;
}

export interface ConnectProxyOptions {
  /** `user:password` that it wants to hear; without it, it asks for none. */
  readonly credentials?: string;
  /** Takes the request and never answers. */
  readonly silent?: boolean;
}

export async function openConnectProxy({ credentials, silent }: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const open = new Set<Socket | Duplex>();
  const asked: string[] = [];
  let opened = 0;
  let authorization: string | null = null;
  const server = createServer();
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    open.add(client);
    client.on('error', () => undefined);
    asked.push(request.url ?? '');
    authorization = request.headers['proxy-authorization'] ?? null;
    if (silent === true) return;
    const wanted = credentials === undefined ? null : `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (wanted !== null && authorization !== wanted) {
      client.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n',
      );
      return;
    }
    const [host, port] = (request.url ?? '').split(':');
    const target = connect(Number(port), host, () => {
      opened += 1;
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(client).pipe(target);
    });
    open.add(target);
    target.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    get opened() {
      return opened;
    },
    get authorization() {
      return authorization;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
