import { Agent } from 'node:https';
import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL, FRAME_BYTES_MAX } from '#protocol';
import { WebSocket, type RawData } from 'ws';
import type { Connection, ConnectionHandlers, Transport } from '../ports.ts';
import { authoritiesFor } from './authorities.ts';
import { trustedAuthorities } from './named-authorities.ts';

/** TCP, proxy, TLS and upgrade together. */
const OPEN_MS_MAX = 10_000;
/** What a peer that reads nothing may make us keep, in bytes; frames past it are lost, and the session with them. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** How long a peer may take to answer a close. */
const CLOSE_MS_MAX = 2_000;

export interface TransportOptions {
  /** The control plane: `https://host[:port]`. */
  readonly url: string;
  /** The authority that was joined by, PEM; the key set may name others. null: those that the machine trusts. */
  readonly ca: string | null;
  /** HTTPS_PROXY and NO_PROXY (either case) are taken from here; user and password may stand in the proxy's URL. */
  readonly environment: NodeJS.ProcessEnv;
  /** How long opening may take, in milliseconds. */
  readonly openMs?: number;
}

export function createWebSocketTransport(options: TransportOptions): Transport {
  return {
    dial(handlers, authorities) {
      return connect({ ...options, ca: trustedAuthorities(options.ca, authorities) }, handlers);
    },
  };
}

/** The environment's proxy, for TLS connections only: the agent makes no others. */
export function proxyAgent(environment: NodeJS.ProcessEnv): Agent {
  const { HTTPS_PROXY, https_proxy, NO_PROXY, no_proxy } = environment;
  return new Agent({ keepAlive: false, proxyEnv: { HTTPS_PROXY, https_proxy, NO_PROXY, no_proxy } });
}

function connect(
  { url, ca, environment, openMs = OPEN_MS_MAX }: Omit<TransportOptions, 'ca'> & { readonly ca: string[] | null },
  handlers: ConnectionHandlers,
): Connection {
  const socket = new WebSocket(gatewayUrl(url), GATEWAY_SUBPROTOCOL, {
    agent: proxyAgent(environment),
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    handshakeTimeout: openMs,
    minVersion: 'TLSv1.2',
    // Said aloud, so that no variable of the environment says otherwise.
    rejectUnauthorized: true,
    ca: ca ?? authoritiesFor(null),
  });
  let problem = '';
  socket.on('open', () => handlers.onOpen());
  socket.on('message', (data: RawData, isBinary: boolean) => {
    handlers.onMessage(isBinary ? null : textOf(data));
  });
  // Every error is followed by a close, which says it.
  socket.on('error', (error) => {
    problem = describe(error);
  });
  socket.on('close', (code: number) => {
    // 1006 is not said by anybody: the connection just ended.
    handlers.onClose(code === 1006 ? null : code, problem === '' ? `closed with code ${String(code)}` : problem);
  });
  const unsent: string[] = [];
  const flush = () => {
    for (const text of unsent.splice(0)) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (socket.bufferedAmount > UNSENT_BYTES_MAX) socket.terminate();
      else socket.send(text);
    }
  };
  return {
    /** At the end of the turn: a reset is begun before it is said that it was. */
    send(text) {
      if (unsent.push(text) === 1) setImmediate(flush);
    },
    close(code, reason) {
      flush();
      socket.close(code, reason);
      setTimeout(() => socket.terminate(), CLOSE_MS_MAX).unref();
    },
  };
}

/** `https://host[:port]/…` as the address of the gateway. */
function gatewayUrl(url: string): URL {
  const gateway = new URL(GATEWAY_PATH, url);
  gateway.protocol = 'wss:';
  return gateway;
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
}

/** What happened, for the log. Never the URL of the proxy, which may hold a password. */
function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if ('statusCode' in error && error.statusCode === 407) return 'the proxy asks for a user and a password (407)';
  if (code === 'ERR_PROXY_TUNNEL') return 'the proxy did not open a tunnel';
  return code === '' ? error.message : code;
}
