import { getCACertificates } from 'node:tls';
import { EnvHttpProxyAgent, request as undiciRequest, type Dispatcher } from 'undici';
import { clientError, systemCodeOf } from '../errors.ts';
import type { HttpRequest, HttpResponse, Transport, TransportOptions } from '../ports.ts';

const CONNECT_MS_MAX = 10_000;
/** The plan of a large reset asks every agent for a sign of life first. */
const HEADERS_MS_MAX = 90_000;
/** Between two pieces of a body. Of an event stream too: it holds heartbeats when nothing happens. */
const SILENCE_MS_MAX = 60_000;

/** HTTPS with verification that nothing turns off, through the proxy that the environment names, if any. */
export function createUndiciTransport(options: TransportOptions): Transport {
  const dispatcher = createDispatcher(options);
  return {
    async send(request) {
      try {
        return await send(options, dispatcher, request);
      } catch (error) {
        throw connectionError(options.url, error);
      }
    },
    close: () => dispatcher.destroy(),
  };
}

function createDispatcher({ ca, env }: TransportOptions): Dispatcher {
  // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED would otherwise be a switch that turns it off.
  const tls = { ca: ca ?? systemAuthorities(), rejectUnauthorized: true };
  return new EnvHttpProxyAgent({
    // Empty text rather than undefined: the agent would look into the environment of the process by itself.
    httpProxy: '',
    httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'] ?? '',
    noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
    connect: { ...tls, timeout: CONNECT_MS_MAX },
    requestTls: tls,
    proxyTls: tls,
  });
}

function systemAuthorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

async function send(options: TransportOptions, dispatcher: Dispatcher, request: HttpRequest): Promise<HttpResponse> {
  const response = await undiciRequest(`${options.url}${request.path}`, {
    dispatcher,
    method: request.method,
    headers: {
      authorization: `Bearer ${options.token}`,
      accept: request.accept,
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: request.body ?? null,
    signal: request.signal ?? null,
    headersTimeout: HEADERS_MS_MAX,
    bodyTimeout: SILENCE_MS_MAX,
  });
  return {
    status: response.statusCode,
    body: bodyOf(options.url, response.body),
  };
}

async function* bodyOf(url: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw connectionError(url, error);
  }
}

/** How Node names what is wrong with a certificate; everything else is a matter of reaching it. */
const CERTIFICATE = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|CRL_)/;

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it took the request and did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of an answer',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_ABORTED: 'the request was given up, or the proxy refused it',
  UND_ERR_INVALID_ARG: 'the URL or the proxy is not valid',
};

function connectionError(url: string, error: unknown) {
  const code = systemCodeOf(error) ?? systemCodeOf(firstOf(error)) ?? 'unknown';
  const untrusted = CERTIFICATE.test(code);
  const message = untrusted ? code : `${CAUSES[code] ?? 'the connection failed'} (${code})`;
  const name = untrusted ? 'control-plane-untrusted' : 'control-plane-unreachable';
  return clientError(name, [{ subject: url, code: name, message }], { cause: error });
}

/** Several addresses of one name fail with one error each. */
function firstOf(error: unknown): unknown {
  if (error instanceof AggregateError) return error.errors[0];
  return error instanceof Error ? error.cause : null;
}
