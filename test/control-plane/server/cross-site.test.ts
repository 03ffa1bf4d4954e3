import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { API_PREFIX, GATEWAY_PATH, GATEWAY_SUBPROTOCOL } from '#protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_LIMITS, startServerUnderTest, type ServerUnderTest } from '../../support/fuzz/server.ts';
import { createDialer, type Dial } from '../../support/fuzz/tls.ts';

/**
 * A page of another site that stands open in the browser of an operator who has signed in. A browser lets it open a
 * WebSocket to anywhere, and says in `Origin` for whom.
 */
let server: ServerUnderTest;
let dial: Dial;
let cookie: string;

beforeAll(async () => {
  server = await startServerUnderTest(NO_LIMITS);
  dial = createDialer(server.door);
  const answer = await ask('POST', `${API_PREFIX}/console/session`, {
    authorization: `Bearer ${server.administrator}`,
    'content-length': '0',
  });
  cookie = /^set-cookie: ([^;]+);/im.exec(answer)?.[1] ?? '';
  expect(cookie).toMatch(/^__Host-latchkey=/);
}, 60_000);

afterAll(() => server[Symbol.asyncDispose]());

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-protocol': GATEWAY_SUBPROTOCOL,
};

/** Writes the request and hands over the head of the answer, whatever it is. */
async function ask(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const socket = await dial();
  const lines = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}`);
  socket.write(`${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`);
  const head = await headOf(socket);
  socket.destroy();
  return head;
}

async function headOf(socket: TLSSocket): Promise<string> {
  let text = '';
  while (!text.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer];
    text += chunk.toString('latin1');
  }
  return text.slice(0, text.indexOf('\r\n\r\n'));
}

const ORIGINS = ['https://evil.example', 'null', 'https://127.0.0.1', 'http://localhost', 'file://', ''];

describe('a WebSocket that a page opens', () => {
  test('is taken from nobody who names an origin, be it the console’s own: only agents have one, and they name none', async () => {
    expect(await ask('GET', GATEWAY_PATH, UPGRADE)).toMatch(/^HTTP\/1\.1 101 /);
    for (const origin of [...ORIGINS, server.url]) {
      const answer = await ask('GET', GATEWAY_PATH, { ...UPGRADE, origin, cookie });
      expect(answer, origin).toMatch(/^HTTP\/1\.1 403 /);
    }
  });

  test.each([
    '/',
    '/console',
    `${API_PREFIX}/changes`,
    `${API_PREFIX}/whoami`,
    `${API_PREFIX}/instances`,
    `${API_PREFIX}/resets/00000000-0000-4000-8000-000000000000/events`,
    `${GATEWAY_PATH}/`,
    `${GATEWAY_PATH}?x`,
  ])('leads nowhere but to the gateway: not to %s', async (path) => {
    for (const origin of [server.url, 'https://evil.example']) {
      const answer = await ask('GET', path, { ...UPGRADE, origin, cookie });
      expect(answer, origin).toMatch(/^HTTP\/1\.1 404 /);
    }
    expect(await ask('GET', path, { ...UPGRADE, cookie })).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe('a stream of events that a page opens', () => {
  const stream = (headers: Readonly<Record<string, string>>) =>
    ask('GET', `${API_PREFIX}/changes`, { accept: 'text/event-stream', cookie, ...headers });

  test('is refused to a page of another site, though the browser sends the cookie', async () => {
    expect(await stream({ 'sec-fetch-site': 'same-origin' })).toMatch(/^HTTP\/1\.1 200 /);
    for (const origin of ORIGINS) expect(await stream({ origin }), origin).toMatch(/^HTTP\/1\.1 403 /);
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect(await stream({ 'sec-fetch-site': site }), site).toMatch(/^HTTP\/1\.1 403 /);
    }
  });

  test('and no answer lets a page of another site read it', async () => {
    const headers = { origin: 'https://evil.example', cookie, 'sec-fetch-site': 'cross-site' };
    for (const path of ['changes', 'whoami', 'console/session', 'openapi.json', 'ca']) {
      const read = await ask('GET', `${API_PREFIX}/${path}`, headers);
      const preflight = await ask('OPTIONS', `${API_PREFIX}/${path}`, {
        ...headers,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      });
      for (const answer of [read, preflight]) expect(answer.toLowerCase()).not.toContain('access-control-allow');
    }
  });
});
