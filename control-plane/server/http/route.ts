import type { Readable } from 'node:stream';
import type { Action, ApiCode } from '#protocol';
import type * as z from 'zod';
import type { Actor } from '../domain/actor.ts';
import type { LimitName } from './rate-limits.ts';

/** What a route asks of its caller; a route without an action does not exist. `public` routes take everybody, and are listed by name in a test. */
export type Access = 'public' | Action;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The groups of the API's document. */
export const TAGS = {
  instances: 'Machines whose accounts are managed',
  projects: 'Groups of instances, and whether online reset is enabled for them',
  resets: 'Password resets, in two steps: plan, then start',
  tokens: 'Credentials of operators and of joining agents',
  audit: 'Who did what, and what was refused',
  agents: 'What agents need to join',
  console: 'Sign-ins of browsers, and the pages of the web console',
  system: 'The control plane itself',
} as const;

interface ResponseSpec {
  readonly description: string;
  readonly schema: z.ZodType;
  /** Default: JSON. */
  readonly contentType?: string;
}
export type Responses = Readonly<Record<number, ResponseSpec>>;

type Scalar = string | number | boolean | null | undefined;
/** Services hand out read-only views; a response is only read. */
type DeepReadonly<T> = T extends Scalar ? T : { readonly [K in keyof T]: DeepReadonly<T[K]> };

/** An answer that is not JSON: text as it stands, or a stream of it. */
export interface RawAnswer {
  readonly status: 200 | 302 | 304 | 404;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload: string | Buffer | Readable;
}

type Answer<R extends Responses> =
  | {
      [S in keyof R & number]: {
        readonly status: S;
        readonly headers?: Readonly<Record<string, string>>;
        readonly body: DeepReadonly<z.output<R[S]['schema']>>;
      };
    }[keyof R & number]
  | RawAnswer;

interface Circumstances {
  /** Wall clock when the request's head was read, milliseconds since the epoch. */
  readonly arrivedAt: number;
  /** See `sourceOf`. */
  readonly source: string;
  /** What the caller's program says it is; untrusted, at most 200 characters. */
  readonly userAgent: string;
  /** Those that say how a file is to be answered with; empty where they are missing. */
  readonly headers: { readonly acceptEncoding: string; readonly ifNoneMatch: string };
  /** Set where the actor came by a console session. */
  readonly csrfToken: string | null;
  /** Aborts when the caller hangs up or the server shuts down. */
  readonly signal: () => AbortSignal;
}

export interface RouteInput<A extends Access, P, Q, B> extends Circumstances {
  /** Null on public routes only. */
  readonly actor: A extends 'public' ? null : Actor;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

interface RouteFacts {
  readonly method: Method;
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  readonly tag: keyof typeof TAGS;
  /** Codes that this route answers with, beyond those that every route has. */
  readonly errors?: readonly ApiCode[];
  /** Which limit it counts against. */
  readonly limit?: LimitName;
}

interface RouteDefinition<
  A extends Access,
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  R extends Responses,
> extends RouteFacts {
  readonly access: A;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly responses: R;
  readonly handle: (input: RouteInput<A, z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer<R>>;
}

/** A route as the app registers it, its types forgotten: the schemas have checked what they stand for. */
export interface Route extends RouteFacts {
  readonly access: Access;
  readonly params: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  readonly responses: Responses;
  readonly handle: (
    input: Circumstances & { actor: Actor | null; params: unknown; query: unknown; body: unknown },
  ) => Promise<JsonAnswer | RawAnswer>;
}

/** An answer whose body is JSON, or that has none. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** The only way to make a route: without an access, or with a body that nothing checks, it does not compile. */
export function route<
  const A extends Access,
  const R extends Responses,
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<A, P, Q, B, R>): Route {
  const { params, query, body, handle } = definition;
  return {
    ...definition,
    params,
    query,
    body,
    // Validation has parsed all three by these very schemas, and admission has set the actor that the access asks for.
    handle: (input) => handle(input as RouteInput<A, z.output<P>, z.output<Q>, z.output<B>>),
  };
}
