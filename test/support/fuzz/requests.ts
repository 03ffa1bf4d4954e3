import { BODY_BYTES_MAX, ErrorBody } from '#protocol';
import { allRoutes } from '../../../control-plane/server/http/routes/all.ts';
import type { RouteDeps } from '../../../control-plane/server/http/routes/deps.ts';
import type { Route } from '../../../control-plane/server/http/route.ts';
import type { Prng } from '../../simulation/engine/prng.ts';
import { mutateBytes, mutateText, mutateValue, textOf } from './mutations.ts';
import type { RawAnswer, RawHttp } from './raw-http.ts';
import type { Values } from './values.ts';

/** What a hostile caller knows. */
export interface RequestsDeps {
  readonly http: RawHttp;
  /** Makes what a schema takes: of all that exists, and of what an administrator may change without disturbing others. */
  readonly values: { readonly any: Values; readonly expendable: Values };
  /** Good ones of each role, ended ones, and such as never were. */
  readonly tokens: readonly string[];
  /** Takes what changes the server and is allowed to; seldom, or its database would be all that grows. */
  readonly administrator: string;
}

export interface Asked {
  readonly route: string;
  /** Null where the connection was ended instead of an answer, or by the caller. */
  readonly status: number | null;
  readonly code: string | null;
}

/** The route table itself, without a server behind it: what is added there is fuzzed from then on. */
export function routesToFuzz(): readonly Route[] {
  const nothing = { services: {}, config: { metrics: true }, installScript: '' };
  return allRoutes(nothing as unknown as RouteDeps);
}

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'get',
  'X',
];
const WORD_CHARS_MAX = 600;

interface Draft {
  method: string;
  path: string;
  headers: string[];
  body: Buffer | null;
}

/** One request. Throws where the answer is none that the API documents. */
export async function askOnce(deps: RequestsDeps, routes: readonly Route[], prng: Prng): Promise<Asked> {
  const route = prng.pick(routes);
  const name = `${route.method} ${route.path}`;
  const draft = draftOf(deps, route, prng);
  const isBroken = prng.chance(0.06) && breakHead(draft, prng);
  const bytes = bytesOf(draft);
  try {
    if (prng.chance(0.004)) {
      await deps.http.breakOff(bytes.subarray(0, prng.int(1, bytes.length)));
      return { route: name, status: null, code: null };
    }
    const answer = isBroken ? await deps.http.askInVain(bytes) : await deps.http.ask(bytes);
    return { route: name, status: answer?.status ?? null, code: judge(answer, isBroken || draft.method === 'CONNECT') };
  } catch (error) {
    throw new Error(`${name}: ${textOf(bytes.subarray(0, WORD_CHARS_MAX).toString('latin1'))}`, { cause: error });
  }
}

/** Everything else is an error in its one shape, with the status that its code has. */
function judge(answer: RawAnswer | null, isBroken: boolean): string | null {
  if (answer === null) {
    if (isBroken) return null;
    throw new Error('the connection was ended without an answer');
  }
  const { status, body, contentType, retryAfter } = answer;
  // What leads to the console leads there whoever asks.
  if ((status >= 200 && status < 300) || status === 302 || status === 304) return null;
  // The console's pages are text; here it is not built.
  if (status === 404 && contentType.startsWith('text/plain')) return null;
  if (status >= 500) throw new Error(`${String(status)}: ${body}`);
  if (status === 429 && retryAfter === null) throw new Error('a limit that does not say for how long');
  // The gateway refuses an upgrade with a head and nothing else.
  if (isBroken && body === '') return null;
  if (!contentType.startsWith('application/json')) throw new Error(`${String(status)} is ${contentType}: ${body}`);
  // To a HEAD, there is the head alone.
  return body === '' ? null : ErrorBody.parse(JSON.parse(body)).code;
}

function draftOf(deps: RequestsDeps, route: Route, prng: Prng): Draft {
  const changes = route.method !== 'GET' && !route.path.endsWith('/plan');
  const token = prng.chance(changes ? 0.05 : 0.4) ? deps.administrator : prng.pick(deps.tokens);
  const values = token === deps.administrator ? deps.values.expendable : deps.values.any;
  const headers = ['host: localhost'];
  if (!prng.chance(0.05)) headers.push(authorizationOf(token, prng));
  const draft: Draft = {
    method: prng.chance(0.95) ? route.method : prng.pick(METHODS),
    path: pathOf(values, route, prng) + queryOf(route, values, prng),
    headers,
    body: bodyOf(route, values, prng),
  };
  if (draft.body !== null)
    headers.push(prng.chance(0.97) ? 'content-type: application/json' : `content-type: ${prng.pick(TYPES)}`);
  return draft;
}

const TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  ';',
  'a'.repeat(2_000),
];
const AUTHORIZATIONS = [
  'Basic YTpi',
  'Bearer',
  'Bearer ',
  'bearer x',
  'Bearer a b',
  'Bearer \u00ff',
  `Bearer ${'A'.repeat(8_000)}`,
  '',
];

function authorizationOf(token: string, prng: Prng): string {
  const what = prng.int(0, 39);
  if (what === 0) return `authorization: ${prng.pick(AUTHORIZATIONS)}`;
  if (what === 1) return `authorization: Bearer ${token.slice(0, prng.int(0, token.length))}`;
  if (what === 2) return `authorization: Bearer ${token}${prng.pick(['A', '_', '=', '.', ','])}`;
  return `authorization: Bearer ${token}`;
}

const SEGMENTS = [
  '..',
  '.',
  '%2e%2e',
  '%2f',
  '..%2f..',
  '%00',
  '%',
  '%zz',
  'a%20b',
  '',
  ';a=b',
  '%c0%af',
  'A'.repeat(101),
  'A'.repeat(5_000),
  '__proto__',
  'constructor',
  '~',
  '*',
  '%E2%82%AC',
  '\u00e9',
  '\\',
];

function pathOf({ texts }: Values, route: Route, prng: Prng): string {
  const fill = (): string => (prng.chance(0.85) ? prng.pick([...texts(), prng.uuid()]) : prng.pick(SEGMENTS));
  const segments = route.path.split('/').map((segment) => (segment.startsWith(':') ? fill() : segment));
  if (prng.chance(0.08)) {
    const at = prng.int(1, segments.length);
    if (prng.chance(0.5)) segments.splice(at, 0, prng.pick(SEGMENTS));
    else segments[Math.min(at, segments.length - 1)] = prng.pick([...SEGMENTS, segments[at]?.toUpperCase() ?? '']);
  }
  return segments.join('/');
}

function queryOf(route: Route, values: Values, prng: Prng): string {
  if (route.query === undefined)
    return prng.chance(0.95) ? '' : prng.pick(['?', '?a=b', '?__proto__[x]=1', '?%', '??', '#a']);
  const given = values.make(route.query, prng);
  const query = (prng.chance(0.5) ? given : mutateValue(given, prng)) as Record<string, unknown> | null;
  if (typeof query !== 'object' || query === null) return `?${encode(query)}`;
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const times = prng.chance(0.95) ? 1 : 2;
    return Array.from({ length: times }, () => `${encode(name)}=${encode(value)}`);
  });
  return pairs.length === 0
    ? ''
    : `?${pairs.join(prng.chance(0.97) ? '&' : prng.pick([';', '&&', '?']))}`.slice(0, 12_000);
}

/** Percent-encoded, which for half a surrogate pair there is no way to do. */
function encode(value: unknown): string {
  const text = typeof value === 'string' ? value : textOf(value);
  return encodeURIComponent(text.toWellFormed());
}

function bodyOf(route: Route, values: Values, prng: Prng): Buffer | null {
  if (route.body === undefined) return prng.chance(0.95) ? null : Buffer.from(prng.pick(['{}', '[]', 'x', '']));
  const good = values.make(route.body, prng);
  const what = prng.int(0, 99);
  if (what < 20) return Buffer.from(textOf(good));
  if (what < 75) return Buffer.from(textOf(mutateValue(good, prng)));
  if (what < 92) return Buffer.from(mutateText(textOf(good), prng));
  if (what < 97) return mutateBytes(textOf(good), prng);
  if (what < 99) return Buffer.alloc(0);
  const padding = prng.chance(0.1) ? BODY_BYTES_MAX + prng.int(-300, 2) : 0;
  return Buffer.from(textOf(good) + ' '.repeat(padding));
}

/** A head that another program might read differently, or nobody. True: the server may answer by hanging up. */
function breakHead(draft: Draft, prng: Prng): boolean {
  const lines = [
    'content-length: 5',
    'content-length: -1',
    'transfer-encoding: chunked',
    'transfer-encoding: x, chunked',
    'expect: 100-continue',
    'expect: x',
    'host: other',
    'connection: upgrade',
    'x-forwarded-for: 10.0.0.1',
    'x-http-method-override: DELETE',
    'range: bytes=0-1',
    'x: \u0000',
    ': x',
    ' folded',
    'x'.repeat(17_000),
    'upgrade: websocket',
    'content-encoding: gzip',
    'accept: */*;q=NaN',
    'x-request-id: 1',
  ];
  const what = prng.int(0, 5);
  if (what === 0) draft.headers.shift();
  else if (what === 1) draft.method = `${draft.method}${prng.pick([' ', '\t', '\u0000', '\r\n'])}`;
  else if (what === 2)
    draft.path = prng.pick([
      `//evil.example${draft.path}`,
      `https://evil.example${draft.path}`,
      '*',
      '',
      draft.path.slice(1),
      `${draft.path} x`,
    ]);
  else draft.headers.push(prng.pick(lines));
  return true;
}

function bytesOf({ method, path, headers, body }: Draft): Buffer {
  const isTold = headers.some((line) => /^(content-length|transfer-encoding):/i.test(line));
  const length = body === null || isTold ? [] : [`content-length: ${String(body.length)}`];
  const head = `${[`${method} ${path} HTTP/1.1`, ...headers, ...length].join('\r\n')}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body ?? Buffer.alloc(0)]);
}
