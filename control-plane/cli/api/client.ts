import * as z from 'zod';
import { API_PREFIX, PAGE_ROWS_MAX } from '#protocol';
import { CliError, clientError, refusalOf } from '../errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../ports.ts';
import { createSseParser, type ServerSentEvent } from './sse.ts';

/** A page of tasks with their signed results is the largest answer there is. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export type QueryValue = string | number | undefined | readonly string[];
export type Query = Readonly<Record<string, QueryValue>>;

/** The API as its routes use it: paths below the prefix, bodies checked against the protocol's schemas. */
export interface ApiClient {
  /** Rejects with a `CliError`: the control plane's refusal, or that there is no control plane. */
  call<S extends z.ZodType>(request: ApiRequest, schema: S): Promise<z.output<S>>;
  /** A call whose answer says nothing. */
  tell(request: ApiRequest): Promise<void>;
  /** All rows of a listing, page by page, or the first `rowsMax`. */
  list<S extends z.ZodType>(path: string, row: S, query: Query, rowsMax?: number): Promise<z.output<S>[]>;
  /** Events until the stream ends, fails or the signal aborts. */
  events(path: string, signal: AbortSignal): AsyncGenerator<ServerSentEvent>;
}

export interface ApiRequest {
  readonly method: HttpRequest['method'];
  /** Below `/api/v1`, percent-encoded already. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
}

export function createApiClient(transport: Transport): ApiClient {
  async function send(request: ApiRequest): Promise<string> {
    const response = await transport.send({
      method: request.method,
      path: `${API_PREFIX}${request.path}${queryText(request.query ?? {})}`,
      accept: 'application/json',
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    const text = await textOf(response);
    if (response.status < 200 || response.status > 299) throw failed(response, text);
    return text;
  }

  const client: ApiClient = {
    async call(request, schema) {
      const parsed = schema.safeParse(jsonOf(await send(request)));
      if (!parsed.success) throw unreadable(`${request.method} ${request.path}`, parsed.error);
      return parsed.data;
    },

    async tell(request) {
      await send(request);
    },

    async list(path, row, query, rowsMax = Infinity) {
      const page = z.object({ items: z.array(row), nextCursor: z.string().nullable() });
      const rows: z.output<typeof row>[] = [];
      for (let cursor: string | null | undefined; cursor !== null && rows.length < rowsMax;) {
        const limit = Math.min(PAGE_ROWS_MAX, rowsMax - rows.length);
        const found = await client.call({ method: 'GET', path, query: { ...query, limit, cursor } }, page);
        rows.push(...found.items);
        // A page without rows that promises another would never end.
        cursor = found.items.length === 0 ? null : found.nextCursor;
      }
      return rows;
    },

    async *events(path, signal) {
      const response = await transport.send({
        method: 'GET',
        path: `${API_PREFIX}${path}`,
        accept: 'text/event-stream',
        signal,
      });
      if (response.status !== 200) throw failed(response, await textOf(response));
      const parser = createSseParser();
      for await (const bytes of response.body) yield* parser.feed(bytes);
    },
  };
  return client;
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
      parameters.append(name, one);
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

async function textOf(response: HttpResponse): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body) {
    size += part.length;
    if (size > ANSWER_BYTES_MAX) throw clientError('control-plane-answer-invalid', ['The answer is too large.']);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Which no schema takes.
  }
}

function failed(response: HttpResponse, text: string): CliError {
  const refusal = refusalOf(response.status, jsonOf(text));
  if (refusal !== null) return refusal;
  const details = [`It answered with HTTP status ${response.status}.`];
  const error = clientError('control-plane-answer-invalid', details);
  return new CliError(error.toFailure(), { status: response.status });
}

const ISSUES_SHOWN_MAX = 5;

function unreadable(what: string, error: z.ZodError): CliError {
  const details = error.issues.slice(0, ISSUES_SHOWN_MAX).map(({ path, message }) => ({
    subject: `${what} ${path.join('.')}`.trim(),
    code: 'control-plane-answer-invalid',
    message,
  }));
  return clientError('control-plane-answer-invalid', details);
}

/** A value as one segment of a path. */
export function segment(value: string): string {
  return encodeURIComponent(value);
}
