import * as z from 'zod';
import { ApiError } from '../../service/errors.ts';
import { route, type RawAnswer, type Route, type RouteInput } from '../route.ts';

export interface ConsoleFile {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly brotli: Buffer | null;
  readonly etag: string;
  /** Whether the same name always has the same bytes. */
  readonly isImmutable: boolean;
}

/** What the console consists of, by path below `/console/`. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const PAGE = 'index.html';

/**
 * Scripts, styles and requests of the own origin alone; no script from text, no frame, no form to anywhere. What breaks
 * through React's escaping would still run nothing.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const tag = 'console';
const access = 'public';
const text = (description: string) => ({ 200: { description, schema: z.string(), contentType: 'text/html' } });

/** The pages of the web console. They are public: what they show, they ask for as whoever has signed in. */
export function consoleFileRoutes({ console: files }: { readonly console: ConsoleFiles | null }): readonly Route[] {
  const serve = (path: string, headers: RouteInput<'public', unknown, unknown, unknown>['headers']): RawAnswer => {
    if (files === null) return notBuilt();
    // Paths of pages are the router's in the browser: all are the one page.
    const found = files.get(path) ?? (path.startsWith('assets/') ? undefined : files.get(PAGE));
    if (found === undefined) throw new ApiError('route-not-found');
    return answer(found, headers);
  };
  return [
    route({
      method: 'GET',
      path: '/',
      ...{ access, tag, summary: 'To the console', responses: text('Leads there.') },
      handle: async () => ({ status: 302, contentType: 'text/html', headers: { location: '/console' }, payload: '' }),
    }),
    route({
      method: 'GET',
      path: '/console',
      ...{ access, tag, summary: 'The web console', responses: text('Its page.') },
      handle: async ({ headers }) => serve(PAGE, headers),
    }),
    route({
      method: 'GET',
      path: '/console/*',
      ...{ access, tag, summary: 'A page of the web console, or a file of it', responses: text('The page or file.') },
      params: z.object({ '*': z.string() }),
      errors: ['route-not-found'],
      handle: async ({ params, headers }) => serve(params['*'], headers),
    }),
  ];
}

function answer(
  file: ConsoleFile,
  request: { readonly acceptEncoding: string; readonly ifNoneMatch: string },
): RawAnswer {
  const headers = {
    'content-security-policy': POLICY,
    'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: file.etag,
    vary: 'accept-encoding',
  };
  const { contentType, bytes, brotli } = file;
  if (request.ifNoneMatch === file.etag) return { status: 304, contentType, headers, payload: '' };
  if (brotli === null || !/\bbr\b/.test(request.acceptEncoding)) {
    return { status: 200, contentType, headers, payload: bytes };
  }
  return { status: 200, contentType, headers: { ...headers, 'content-encoding': 'br' }, payload: brotli };
}

/** A checkout without its console: the command line and the API are whole. */
function notBuilt(): RawAnswer {
  const payload =
    'The console of this control plane is not built. Run "npm run build:console" in it, and start it again.\n';
  return { status: 404, contentType: 'text/plain; charset=utf-8', payload };
}
