/**
 * For whoever creates the server that listens (`node:http` or `node:https`; the options are the same). A peer that
 * sends its request a byte at a time is cut off, and holds no memory to speak of until then.
 */
export const HTTP_SERVER_OPTIONS = {
  /** From the open connection, or the answer before, to the end of the headers. */
  headersTimeout: 10_000,
  /** To the end of the body. Longest for 1 MiB over a poor line. */
  requestTimeout: 60_000,
  /** A little more than what load balancers keep, so that it is they who close. */
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
  /** Both would otherwise be read in two ways by two programs in a row. */
  insecureHTTPParser: false,
  requireHostHeader: true,
} as const;

/** The same for TLS: Node waits two minutes for a handshake, and such a socket has a place that others wait for. */
export const TLS_SERVER_OPTIONS = { handshakeTimeout: 10_000 } as const;

/** Requests on one connection before it is closed, so that load spreads again. */
export const REQUESTS_PER_SOCKET_MAX = 10_000;
