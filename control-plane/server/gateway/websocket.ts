import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CLOSE_CODES, FRAME_BYTES_MAX, GATEWAY_PATH, GATEWAY_SUBPROTOCOL, type CloseReason } from '#protocol';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Connection, ConnectionHandler } from './connection.ts';

/** How long a peer may take to answer a close before its socket is cut. */
const CLOSE_GRACE_MS = 2_000;
/** The same for one that answers nothing any more: what that means for its instance is known once the socket is gone. */
const MISSED_CLOSE_GRACE_MS = 200;
/** A peer that does not read what it is sent is cut once this much waits for it. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;

export interface WebSocketGateway {
  /** To be called for every HTTP upgrade; answers those that are not for the gateway with an HTTP error. */
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Asks every peer to come back later, and cuts those that linger. Resolves when all are gone and have been told. */
  close(): Promise<void>;
}

interface GatewayPorts {
  readonly accept: (connection: Connection) => ConnectionHandler;
  /** The peer's address, through trusted proxies where there are some. */
  readonly sourceOf: (request: IncomingMessage) => string;
  /** The peer of that socket has proven who it is. */
  readonly proven: (socket: Socket) => void;
  /** Whether no new peer is taken any more. */
  readonly isClosing: () => boolean;
}

/** The gateway's WebSocket path. Compression stays off: it costs more memory and time than it saves here. */
export function createWebSocketGateway(deps: GatewayPorts): WebSocketGateway {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    clientTracking: true,
    handleProtocols: () => GATEWAY_SUBPROTOCOL,
  });
  return {
    onUpgrade(request, socket, head) {
      const refusal = deps.isClosing() ? 503 : refusalOf(request);
      if (refusal !== null) {
        answer(socket, refusal);
        return;
      }
      server.handleUpgrade(request, socket, head, (webSocket) => {
        attach(webSocket, request.socket, deps.sourceOf(request), deps);
      });
    },
    async close() {
      const peers = [...server.clients];
      const gone = peers.map((webSocket) => new Promise((resolve) => webSocket.once('close', resolve)));
      // Those whose sessions were drained are closing already.
      for (const webSocket of peers) webSocket.close(CLOSE_CODES.draining.close, 'draining' satisfies CloseReason);
      const cut = setTimeout(() => {
        for (const webSocket of peers) webSocket.terminate();
      }, CLOSE_GRACE_MS);
      await Promise.all(gone);
      clearTimeout(cut);
    },
  };
}

/** The HTTP status that an upgrade is refused with, or null. */
function refusalOf(request: IncomingMessage): number | null {
  if (request.url !== GATEWAY_PATH) return 404;
  // Agents send no Origin; a page in somebody's browser cannot help sending one.
  if (request.headers.origin !== undefined) return 403;
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes(GATEWAY_SUBPROTOCOL) ? null : 426;
}

function answer(socket: Duplex, status: number): void {
  socket.on('error', () => {
    // The peer may be gone already; there is nobody to tell.
    socket.destroy();
  });
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  );
}

/** Of the request nothing is kept: with its headers it would be a tenth of what a session costs. */
function attach(webSocket: WebSocket, socket: Socket, source: string, { accept, proven }: GatewayPorts): void {
  let open = true;
  let isGathering = false;
  /** What is sent within one turn leaves as one TLS record, by one system call. */
  const gather = (): void => {
    if (isGathering) return;
    isGathering = true;
    socket.cork();
    process.nextTick(flush);
  };
  const flush = (): void => {
    if (!isGathering) return;
    isGathering = false;
    socket.uncork();
  };
  const connection: Connection = {
    source,
    proven: () => proven(socket),
    send(text) {
      if (!open) return;
      if (webSocket.bufferedAmount > UNSENT_BYTES_MAX) {
        webSocket.terminate();
        return;
      }
      gather();
      webSocket.send(text);
    },
    flush,
    close(reason) {
      if (!open) return;
      open = false;
      webSocket.close(CLOSE_CODES[reason].close, reason);
      const graceMs = reason === 'liveness-missed' ? MISSED_CLOSE_GRACE_MS : CLOSE_GRACE_MS;
      setTimeout(() => {
        webSocket.terminate();
      }, graceMs).unref();
    },
  };
  const handler = accept(connection);
  webSocket.on('message', (data: Buffer, isBinary) => {
    if (!open) return;
    if (isBinary) connection.close('frame-malformed');
    else handler.onText(data.toString('utf8'));
  });
  webSocket.on('error', () => {
    // `ws` closes the socket itself after an error (a frame too large, bad UTF-8); `close` follows.
    open = false;
  });
  webSocket.on('close', () => {
    open = false;
    handler.onClosed();
  });
}
