import { API_PREFIX, ConsoleSignIn, CSRF_HEADER, UNATTENDED_HEADER } from '#protocol';
import type * as z from 'zod';
import { ApiFailure, failureOf, ownFailure } from './failure.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

interface Send<B> {
  readonly body?: B;
  readonly signal?: AbortSignal;
}

/** The control plane's API, as the page of a session. Every method rejects with `ApiFailure` alone, but where its signal was aborted. */
export interface Client {
  /** `attended: false` for what the page asks by itself: it does not keep the session alive. */
  get<S extends z.ZodType>(
    path: string,
    schema: S,
    options?: { readonly attended?: boolean; readonly signal?: AbortSignal },
  ): Promise<z.output<S>>;
  send<S extends z.ZodType>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    schema: S,
    request?: Send<unknown>,
  ): Promise<z.output<S>>;
  /** Exchanges an API token for a session; the token is not kept. */
  signIn(token: string): Promise<ConsoleSignIn>;
  /** The session of this browser; null where there is none. */
  resume(): Promise<ConsoleSignIn | null>;
  signOut(): Promise<void>;
  /** Calls back when the control plane no longer knows the session; returns a function that forgets it. */
  onSignedOut(listener: () => void): () => void;
}

const SESSION = `${API_PREFIX}/console/session`;

export function createClient({ fetch }: { readonly fetch: Fetch }): Client {
  let csrfToken: string | null = null;
  const listeners = new Set<() => void>();

  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(path, { ...init, credentials: 'same-origin', redirect: 'error' }).catch(
      (cause: unknown) => {
        if (init.signal?.aborted === true) throw cause;
        throw ownFailure('control-plane-unreachable', { cause });
      },
    );
    if (response.ok) return response;
    const failure = await failureOf(response);
    // The second: in another tab somebody has signed in anew, and this page goes on in the name of another session.
    const hasEnded = failure.status === 401 || failure.code === 'csrf-token-invalid';
    if (hasEnded && csrfToken !== null) {
      csrfToken = null;
      for (const listener of listeners) listener();
    }
    throw failure;
  };

  const parse = async <S extends z.ZodType>(response: Response, schema: S): Promise<z.output<S>> => {
    const body: unknown = response.status === 204 ? undefined : await response.json().catch(() => null);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw ownFailure('control-plane-answer-invalid', { status: response.status, cause: parsed.error });
  };

  const signedIn = async (response: Response): Promise<ConsoleSignIn> => {
    const signIn = await parse(response, ConsoleSignIn);
    csrfToken = signIn.csrfToken;
    return signIn;
  };

  return {
    async get(path, schema, { attended = true, signal } = {}) {
      const headers = attended ? {} : { [UNATTENDED_HEADER]: '1' };
      return parse(await ask(path, { headers, ...(signal === undefined ? {} : { signal }) }), schema);
    },
    async send(method, path, schema, { body, signal } = {}) {
      const headers = {
        [CSRF_HEADER]: csrfToken ?? '',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const init = { method, headers, ...(signal === undefined ? {} : { signal }) };
      return parse(await ask(path, body === undefined ? init : { ...init, body: JSON.stringify(body) }), schema);
    },
    signIn: async (token) =>
      signedIn(await ask(SESSION, { method: 'POST', headers: { authorization: `Bearer ${token}` } })),
    async resume() {
      const response = await unlessSignedOut(ask(SESSION, {}));
      return response === null ? null : signedIn(response);
    },
    async signOut() {
      await unlessSignedOut(ask(SESSION, { method: 'DELETE', headers: { [CSRF_HEADER]: csrfToken ?? '' } }));
      csrfToken = null;
    },
    onSignedOut(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The answer; null where there is no session, or none any more. */
async function unlessSignedOut(answer: Promise<Response>): Promise<Response | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 401) return null;
    throw error;
  }
}
