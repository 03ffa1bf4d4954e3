import { API_PREFIX, ConsoleSignIn, CSRF_HEADER, UNATTENDED_HEADER, type Code } from '#protocol';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { createClient, type Client } from '../../../control-plane/console/api/client.ts';
import { ApiFailure } from '../../../control-plane/console/api/failure.ts';

const SESSION = `${API_PREFIX}/console/session`;
const CSRF = 'csrf-of-this-session';
const TOKEN = 'a token that opens everything';

const TOKEN_ID = randomUUID();
const SIGN_IN = {
  session: {
    id: randomUUID(),
    tokenId: TOKEN_ID,
    tokenName: 'anna',
    source: '192.0.2.1',
    browser: 'a browser',
    createdAt: 1,
    lastUsedAt: 1,
    idleUntil: 2,
    expiresAt: 3,
    current: true,
  },
  holder: {
    tokenId: TOKEN_ID,
    name: 'anna',
    role: 'administrator',
    projects: null,
    accounts: null,
    privileged: true,
  },
  csrfToken: CSRF,
};

const refusal = (code: Code) => ({ code, message: 'No.', remedy: 'Do so.', details: [], requestId: 'r-1' });

/** A control plane as a page sees it: what it was asked, and what it answers next. */
class Wire {
  readonly asked: { readonly url: string; readonly init: RequestInit; readonly headers: Headers }[] = [];
  readonly answers: (Response | Error)[] = [];
  readonly fetch = (url: string, init: RequestInit): Promise<Response> => {
    this.asked.push({ url, init, headers: new Headers(init.headers) });
    const answer = this.answers.shift() ?? Response.json({});
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  get last() {
    const last = this.asked.at(-1);
    if (last === undefined) throw new Error('nothing was asked');
    return last;
  }
}

let wire: Wire;
let client: Client;
let ended: number;
beforeEach(() => {
  wire = new Wire();
  client = createClient({ fetch: wire.fetch });
  ended = 0;
  client.onSignedOut(() => (ended += 1));
});

async function signIn(): Promise<void> {
  wire.answers.push(Response.json(SIGN_IN, { status: 201 }));
  await client.signIn(TOKEN);
}

describe('a request', () => {
  test('proves with every change that it comes from this page, and with no question', async () => {
    await signIn();
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      await client.send(method, '/thing', z.unknown(), { body: { a: 1 } });
      expect(wire.last.init.method).toBe(method);
      expect(wire.last.headers.get(CSRF_HEADER)).toBe(CSRF);
      expect(wire.last.headers.get('content-type')).toBe('application/json');
      expect(wire.last.init.body).toBe('{"a":1}');
    }
    await client.get('/thing', z.unknown());
    expect(wire.last.headers.has(CSRF_HEADER)).toBe(false);
  });

  test('stays within its origin, and follows nobody who sends it elsewhere', async () => {
    await signIn();
    await client.get('/thing', z.unknown());
    await client.send('DELETE', '/thing', z.unknown());
    for (const { url, init } of wire.asked) {
      expect(url).toMatch(/^\/[^/]/);
      expect(init).toMatchObject({ credentials: 'same-origin', redirect: 'error' });
    }
  });

  test('says of itself whether somebody was there', async () => {
    await client.get('/thing', z.unknown());
    expect(wire.last.headers.has(UNATTENDED_HEADER)).toBe(false);
    await client.get('/thing', z.unknown(), { attended: false });
    expect(wire.last.headers.has(UNATTENDED_HEADER)).toBe(true);
  });

  test('has the token only where it is exchanged, in the header alone', async () => {
    await signIn();
    expect(wire.last.headers.get('authorization')).toBe(`Bearer ${TOKEN}`);
    const { url, init } = wire.last;
    expect(JSON.stringify([url, init.body ?? null])).not.toContain(TOKEN);
    await client.get('/thing', z.unknown());
    await client.send('POST', '/thing', z.unknown());
    for (const { headers } of wire.asked.slice(1)) expect(JSON.stringify([...headers])).not.toContain(TOKEN);
  });
});

describe('that a session has ended', () => {
  test('is told once, of whatever request it shows', async () => {
    await signIn();
    for (let n = 0; n < 3; n += 1) {
      wire.answers.push(Response.json(refusal('unauthenticated'), { status: 401 }));
      await expect(client.get('/thing', z.unknown())).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
    }
    expect(ended).toBe(1);
    await signIn();
    wire.answers.push(Response.json(refusal('unauthenticated'), { status: 401 }));
    await expect(client.send('POST', '/thing', z.unknown())).rejects.toThrow('No.');
    expect(ended).toBe(2);
  });

  test('is told as well where another tab has put another in its place', async () => {
    await signIn();
    wire.answers.push(Response.json(refusal('csrf-token-invalid'), { status: 403 }));
    await expect(client.send('POST', '/thing', z.unknown())).rejects.toMatchObject({ code: 'csrf-token-invalid' });
    expect(ended).toBe(1);
  });

  test('is not told where there was none, or of another refusal', async () => {
    wire.answers.push(Response.json(refusal('unauthenticated'), { status: 401 }));
    expect(await client.resume()).toBeNull();
    wire.answers.push(Response.json(refusal('unauthenticated'), { status: 401 }));
    await expect(client.signIn('a wrong one')).rejects.toMatchObject({ status: 401 });
    await signIn();
    wire.answers.push(Response.json(refusal('not-authorised'), { status: 403 }));
    await expect(client.get('/thing', z.unknown())).rejects.toMatchObject({ status: 403 });
    expect(ended).toBe(0);
  });

  test('is what somebody wanted who signs out', async () => {
    await signIn();
    wire.answers.push(Response.json(refusal('unauthenticated'), { status: 401 }));
    await expect(client.signOut()).resolves.toBeUndefined();
    expect(wire.last).toMatchObject({ url: SESSION, init: { method: 'DELETE' } });
    expect(wire.last.headers.get(CSRF_HEADER)).toBe(CSRF);
  });

  test('is not believed while the control plane has not said so', async () => {
    await signIn();
    wire.answers.push(new TypeError('Failed to fetch'));
    await expect(client.signOut()).rejects.toMatchObject({ code: 'control-plane-unreachable' });
    await client.send('POST', '/thing', z.unknown());
    expect(wire.last.headers.get(CSRF_HEADER)).toBe(CSRF);
  });
});

describe('a failure', () => {
  test('is told in the words of the control plane', async () => {
    const details = [{ subject: 'name', code: 'invalid', message: 'Too long.' }];
    wire.answers.push(Response.json({ ...refusal('body-malformed'), details }, { status: 400 }));
    const failure: unknown = await client.get('/thing', z.unknown()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApiFailure);
    expect(failure).toMatchObject({ message: 'No.', remedy: 'Do so.', details, requestId: 'r-1', status: 400 });
  });

  test('is one of the one table where there is no answer, and keeps its cause', async () => {
    const cause = new TypeError('Failed to fetch');
    wire.answers.push(cause);
    await expect(client.get('/thing', z.unknown())).rejects.toMatchObject({
      ...{ status: 0, code: 'control-plane-unreachable', cause },
    });
  });

  test.each([
    ['a page of a proxy', new Response('<html>Bad gateway</html>', { status: 502 }), 502],
    ['something else than was asked for', Response.json({ b: 'no number' }), 200],
    ['no JSON', new Response('<html>'), 200],
  ])('is one of the one table where the answer is %s', async (_, answer, status) => {
    wire.answers.push(answer);
    const asked = client.get('/thing', z.object({ b: z.number() }));
    await expect(asked).rejects.toMatchObject({ status, code: 'control-plane-answer-invalid' });
  });

  test('is none of the network where the page itself gave up', async () => {
    const reason = new DOMException('given up', 'AbortError');
    const signal = AbortSignal.abort(reason);
    wire.answers.push(reason);
    await expect(client.get('/thing', z.unknown(), { signal })).rejects.toBe(reason);
  });
});

test('the session of this browser is taken up with what its changes need', async () => {
  wire.answers.push(Response.json(SIGN_IN));
  expect(await client.resume()).toEqual(ConsoleSignIn.parse(SIGN_IN));
  await client.send('POST', '/thing', z.unknown());
  expect(wire.last.headers.get(CSRF_HEADER)).toBe(CSRF);
});
