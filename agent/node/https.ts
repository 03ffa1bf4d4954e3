import { request, type RequestOptions } from 'node:https';
import { authoritiesFor } from './authorities.ts';
import { proxyAgent } from './transport.ts';

const ANSWER_BYTES_MAX = 256 * 1024;
const ANSWER_MS_MAX = 15_000;

export interface HttpsRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** JSON; may hold a secret, so it is never shown. */
  readonly body?: Buffer;
  /** PEM of the only authority to trust; null: those of the machine; `unverified`: whoever answers, for what a pin checks. */
  readonly trust: { readonly ca: string } | { readonly ca: null } | 'unverified';
  readonly environment: NodeJS.ProcessEnv;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly text: string;
}

/** One request over TLS, through the environment's proxy if it names one. Rejects when there is no whole answer. */
export function requestHttps({ method, url, body, trust, environment }: HttpsRequest): Promise<HttpsAnswer> {
  // Said aloud either way, so that no variable of the environment says otherwise.
  const trusted: RequestOptions =
    trust === 'unverified' ? { rejectUnauthorized: false } : { rejectUnauthorized: true, ca: authoritiesFor(trust.ca) };
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      {
        ...{
          method,
          minVersion: 'TLSv1.2',
          agent: proxyAgent(environment),
          signal: AbortSignal.timeout(ANSWER_MS_MAX),
        },
        headers: { accept: 'application/json', ...(body === undefined ? {} : jsonHeaders(body)) },
        ...trusted,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) answer.destroy(new Error('the answer is too large'));
          else chunks.push(chunk);
        });
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
        });
        answer.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

function jsonHeaders(body: Buffer) {
  return { 'content-type': 'application/json', 'content-length': body.length };
}
