import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { API_CODES, BODY_BYTES_MAX, type ApiCode } from '#protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError } from '../../../control-plane/server/service/errors.ts';
import { until } from '../../support/fake-agent.ts';
import { expectError, HttpWorld } from '../../support/http-world.ts';
import { exchange, listen } from '../../support/raw-http.ts';

let world: HttpWorld;
beforeAll(async () => {
  world = await HttpWorld.open();
});
afterAll(() => world[Symbol.asyncDispose]());

const JSON_TYPE = { 'content-type': 'application/json' };
const ABSENT = '00000000-0000-4000-8000-000000000000';

describe('a body', () => {
  test.each([
    ['that is not JSON', '{"name":'],
    ['that is empty', ''],
    ['that reaches for a prototype', '{"__proto__":{"name":"x"},"name":"x","os":"linux"}'],
    ['that reaches for a constructor', '{"constructor":{"prototype":{"a":1}},"name":"x","os":"linux"}'],
  ])('%s is malformed', async (_what, payload) => {
    const reply = await world.app.inject({
      method: 'POST',
      url: '/api/v1/instances',
      headers: { ...JSON_TYPE, authorization: `Bearer ${world.administrator}` },
      payload,
    });
    expectError(reply, 400, 'body-malformed');
  });

  test('that is not there is malformed', async () => {
    const error = expectError(await world.call('POST', '/api/v1/instances'), 400, 'body-malformed');
    expect(error.details[0]?.subject).toBe('body');
  });

  test('with faults lists each of them', async () => {
    const body = { name: 'UPPER', os: 'plan9', project: '-', tags: { 'a b': 'x' }, extra: 1 };
    const error = expectError(await world.call('POST', '/api/v1/instances', { body }), 400, 'body-malformed');
    const subjects = error.details.map(({ subject }) => subject);
    expect(subjects).toEqual(expect.arrayContaining(['body.name', 'body.os', 'body.project', 'body']));
  });

  test('with a great many faults lists some of them', async () => {
    const body = { instances: Array.from({ length: 2_000 }, () => ({ name: '!', os: '?' })) };
    const error = expectError(await world.call('POST', '/api/v1/instances/import', { body }), 400, 'body-malformed');
    expect(error.details).toHaveLength(50);
  });

  test('of another type is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense']) {
      const headers = { 'content-type': type };
      const reply = await world.call('POST', '/api/v1/instances', { headers, body: 'name=x' });
      expectError(reply, 415, 'media-type-unsupported');
    }
  });

  test('larger than 1 MiB is too large, one as large is not', async () => {
    const body = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
    const send = (bytes: number) => world.call('POST', '/api/v1/instances', { headers: JSON_TYPE, body: body(bytes) });
    expectError(await send(BODY_BYTES_MAX + 1), 413, 'body-too-large');
    expectError(await send(BODY_BYTES_MAX), 400, 'body-malformed');
  });

  test('is not looked at before its sender is known', async () => {
    const reply = await world.call('POST', '/api/v1/instances', { token: null, headers: JSON_TYPE, body: '{{{' });
    expectError(reply, 401, 'unauthenticated');
  });
});

describe('text with controls, escape codes or reordering marks', () => {
  const HOSTILE = ['\u001b[2J', 'a\nb', '\u202eevil', 'zero\u200bwidth', '\u0000', '\u{e0041}', '\ud800'];

  test.each(HOSTILE)('%j is refused where people name things', async (text) => {
    const token = { type: 'api', name: text, role: 'viewer' };
    expectError(await world.call('POST', '/api/v1/tokens', { body: token }), 400, 'body-malformed');
    const instance = { name: 'tagged', os: 'linux', tags: { key: text } };
    expectError(await world.call('POST', '/api/v1/instances', { body: instance }), 400, 'body-malformed');
  });

  test.each(HOSTILE)('%j does not come back in an error', async (text) => {
    const body = { name: 'x', os: 'linux', [text]: 1 };
    const reply = await world.call('POST', '/api/v1/instances', { body });
    const { details } = expectError(reply, 400, 'body-malformed');
    expect(JSON.stringify(details)).not.toContain(JSON.stringify(text).slice(1, -1));
  });
});

describe('a query', () => {
  test.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=1&limit=2',
    'os=plan9',
    'state=fine',
    'tag=novalue',
    'cursor=bad',
  ])('%s is malformed', async (query) => {
    expectError(await world.call('GET', `/api/v1/instances?${query}`), 400, 'body-malformed');
  });

  test('does not reach the log', async () => {
    await world.call('GET', '/api/v1/instances?search=secretive');
    expect(JSON.stringify(world.lines)).toContain('/api/v1/instances');
    expect(JSON.stringify(world.lines)).not.toContain('secretive');
    expect(JSON.stringify(world.lines)).not.toContain(world.administrator);
  });
});

describe('a wrong', () => {
  test('method is told from a wrong path, with the right ones', async () => {
    const reply = await world.call('PUT', '/api/v1/instances/one');
    expectError(reply, 405, 'method-not-allowed');
    expect(reply.headers.allow).toBe('DELETE, GET, PATCH');
    expectError(await world.call('GET', '/api/v2/instances'), 404, 'route-not-found');
  });

  test.each([
    ['GET', '/api/v1/instances/absent', 404, 'instance-not-found'],
    ['PATCH', `/api/v1/instances/${ABSENT}`, 404, 'instance-not-found'],
    ['DELETE', '/api/v1/instances/absent', 404, 'instance-not-found'],
    ['DELETE', `/api/v1/tokens/${ABSENT}`, 404, 'token-not-found'],
    ['GET', `/api/v1/resets/${ABSENT}`, 404, 'reset-not-found'],
    ['GET', `/api/v1/resets/${ABSENT}/events`, 404, 'reset-not-found'],
    ['GET', '/api/v1/resets/not-an-id', 400, 'body-malformed'],
    ['GET', '/api/v1/instances/UPPER', 400, 'body-malformed'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const body = method === 'PATCH' ? { body: {} } : {};
    expectError(await world.call(method, path, body), status, code);
  });
});

describe('what a service refuses', () => {
  test.each(Object.keys(API_CODES) as ApiCode[])('as %s has its status, its sentences and its shape', async (code) => {
    world.resets.failure = new ApiError(code, { details: [{ subject: 'host\u001b', code: 'x', message: 'y' }] });
    const error = expectError(await world.call('GET', '/api/v1/resets'), API_CODES[code].status, code);
    const { message, remedy } = API_CODES[code];
    expect(error).toMatchObject({ message, remedy, details: [{ subject: 'host\ufffd' }] });
  });

  test('by failing tells the caller nothing and the log everything', async () => {
    world.resets.failure = new Error('password=canary at /secret/path');
    const reply = await world.call('GET', '/api/v1/resets');
    const error = expectError(reply, 500, 'internal-error');
    expect(reply.body).not.toContain('canary');
    const line = world.lines.find(({ level, fields }) => level === 'error' && fields['requestId'] === error.requestId);
    expect(line?.fields['err']).toBeInstanceOf(Error);
  });

  test('to name does not get out: fields that no schema declares are dropped', async () => {
    const reset = { ...world.resets.reset(), sealed: 'canary' };
    world.resets.get = () => Promise.resolve(reset);
    const reply = await world.call('GET', `/api/v1/resets/${world.resets.id}`);
    expect(reply.statusCode).toBe(200);
    expect(reply.body).not.toContain('canary');
  });
});

describe('on the wire', () => {
  test('a path with dot segments is no route, and noise gets an error of ours', async () => {
    await using listening = await HttpWorld.open();
    const port = await listen(listening.app);
    const ask = (path: string) =>
      exchange(
        port,
        `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${listening.administrator}\r\n\r\n`,
      );
    expect(await ask('/api/v1/instances')).toMatch(/^HTTP\/1.1 200 /);
    const dotted = [
      '/api/v1/./instances',
      '/api/v1/resets/../instances',
      '/healthz/../api/v1/instances',
      '/healthz/..',
    ];
    for (const path of [...dotted, 'http://x/api/v1/instances']) {
      expect(await ask(path), path).toMatch(/^HTTP\/1.1 404 [^]*"route-not-found"/);
    }
    expect(await exchange(port, 'EHLO there\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [^]*"body-malformed"/);
    const header = `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`;
    expect(await exchange(port, header)).toMatch(/^HTTP\/1.1 431 [^]*"body-malformed"/);
    const twoLengths =
      'POST /api/v1/resets HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(await exchange(port, twoLengths)).toMatch(/^HTTP\/1.1 400 /);
  });

  test('whoever hung up before the request is looked at has no address, and that is no failure', async () => {
    await using own = await HttpWorld.open();
    // As Node hands over a request whose socket is gone by then: nobody is at its other end.
    const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/api/v1/whoami' });
    request.headers = { host: 'x', authorization: 'Bearer x' };
    const response = new ServerResponse(request);
    own.app.server.emit('request', request, response);
    await until(() => (response.writableEnded ? true : null));
    expect(response.statusCode).toBe(401);
    expect(own.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('the control plane', () => {
  test('says that it lives, and whether it takes work', async () => {
    await using own = await HttpWorld.open();
    expect((await own.call('GET', '/healthz', { token: null })).json()).toEqual({ status: 'alive' });
    expect((await own.call('GET', '/readyz', { token: null })).json()).toEqual({ status: 'ready' });
    await own.store.close();
    expectError(await own.call('GET', '/readyz', { token: null }), 503, 'not-ready');
    expect((await own.call('GET', '/healthz', { token: null })).statusCode).toBe(200);
    own.shutdown.abort();
    expectError(await own.call('GET', '/readyz', { token: null }), 503, 'shutting-down');
  });

  test('sends no cache and no page anything', async () => {
    for (const path of ['/healthz', '/api/v1/instances', '/nothing']) {
      const { headers } = await world.call('GET', path);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringContaining("default-src 'none'") as string,
      });
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
    const { headers } = await world.call('GET', '/api/v1/instances', { token: null });
    expect(headers).toHaveProperty('x-content-type-options', 'nosniff');
  });

  test('shows figures whose labels no caller can grow', async () => {
    await world.call('GET', '/made-up-by-a-caller', { token: null });
    await world.call('PROPFIND', '/api/v1/instances', { token: null });
    const { body, headers } = await world.call('GET', '/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(body).toMatch(/latchkey_http_request_seconds_count\{method="GET",route="unmatched",status="4xx"\} [1-9]/);
    expect(body).toContain('latchkey_instances{state="running"} 0');
    expect(body).not.toContain('made-up');
  });
});
