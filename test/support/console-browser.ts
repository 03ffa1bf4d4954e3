import { API_PREFIX, ConsoleSignIn, CSRF_HEADER } from '#protocol';
import type { LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import { PUBLIC_ORIGIN, type HttpWorld } from './http-world.ts';

export const OWN_SESSION = `${API_PREFIX}/console/session`;

/** A browser as far as its requests are concerned. */
export interface SignedInBrowser {
  readonly cookie: string;
  readonly signIn: ConsoleSignIn;
  /** A request of its own page, but for the headers that the test changes; an empty one is left out. */
  readonly call: (
    method: string,
    url: string,
    headers?: Record<string, string>,
    body?: object,
  ) => Promise<LightMyRequestResponse>;
}

/** Signs in, as the administrator unless told otherwise. */
export async function browserIn(world: HttpWorld, token = world.administrator): Promise<SignedInBrowser> {
  const reply = await world.call('POST', OWN_SESSION, { token, headers: { 'user-agent': 'Browser/1' } });
  expect(reply.statusCode, reply.body).toBe(201);
  const cookie = String(reply.headers['set-cookie']).split(';')[0] ?? '';
  const signIn = ConsoleSignIn.parse(reply.json());
  const own = { cookie, origin: PUBLIC_ORIGIN, [CSRF_HEADER]: signIn.csrfToken };
  return {
    cookie,
    signIn,
    call: (method, url, headers = {}, body) =>
      world.call(method, url, {
        token: null,
        headers: Object.fromEntries(Object.entries({ ...own, ...headers }).filter(([, value]) => value !== '')),
        ...(body === undefined ? {} : { body }),
      }),
  };
}
