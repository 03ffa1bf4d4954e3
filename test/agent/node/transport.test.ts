import { X509Certificate } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestHttps } from '../../../agent/node/https.ts';
import { createWebSocketTransport, type TransportOptions } from '../../../agent/node/transport.ts';
import type { Connection, ConnectionHandlers } from '../../../agent/ports.ts';
import { ControlPlane } from '../support/control-plane.ts';
import { openConnectProxy } from '../support/connect-proxy.ts';
import { eventually } from '../support/fake-wire.ts';
import {
  newAuthority,
  openTlsGateway,
  presentedBy,
  type TestAuthority,
  type TlsGateway,
} from '../support/tls-gateway.ts';

let controlPlane: ControlPlane;
let gateway: TlsGateway;

beforeAll(async () => {
  controlPlane = await ControlPlane.create();
  gateway = await openTlsGateway({ controlPlane });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
});

interface Dialed {
  readonly connection: Connection;
  readonly messages: (string | null)[];
  /** `open`, or how it ended. */
  readonly outcome: Promise<string>;
  readonly ended: Promise<{ code: number | null; detail: string }>;
}

function dial(change: Partial<TransportOptions> = {}, authorities: readonly string[] | null = null): Dialed {
  const { url, ca } = gateway;
  const messages: (string | null)[] = [];
  let opened: () => void = () => undefined;
  let closed: (end: { code: number | null; detail: string }) => void = () => undefined;
  const open = new Promise<void>((resolve) => {
    opened = resolve;
  });
  const ended = new Promise<{ code: number | null; detail: string }>((resolve) => {
    closed = resolve;
  });
  const handlers: ConnectionHandlers = {
    onOpen: () => opened(),
    onMessage: (text) => messages.push(text),
    onClose: (code, detail) => closed({ code, detail }),
  };
  const connection = createWebSocketTransport({ url, ca, environment: {}, ...change }).dial(handlers, authorities);
  const outcome = Promise.race([open.then(() => 'open'), ended.then(({ detail }) => detail)]);
  return { connection, messages, outcome, ended };
}

async function outcomeOf(
  change: Partial<TransportOptions>,
  authorities: readonly string[] | null = null,
): Promise<string> {
  const { connection, outcome } = dial(change, authorities);
  const said = await outcome;
  connection.close(1000, '');
  return said;
}

describe('a certificate', () => {
  test('of the pinned authority is believed', async () => {
    expect(await outcomeOf({})).toBe('open');
  });

  test('of another authority is not', async () => {
    await using other = await openTlsGateway({ controlPlane });
    expect(await outcomeOf({ ca: other.ca })).toMatch(/CERT|SIGNATURE|ISSUER/);
  });

  test('of our authority is not, where only public ones are trusted', async () => {
    expect(await outcomeOf({ ca: null })).toMatch(/VERIFY|CERT|ISSUER/);
  });

  test('for another name is not', async () => {
    await using other = await openTlsGateway({ controlPlane, host: 'elsewhere.example' });
    expect(await outcomeOf({ url: other.url, ca: other.ca })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test('is checked whatever the environment says', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await outcomeOf({ ca: null })).toMatch(/VERIFY|CERT|ISSUER/);
      const asked = requestHttps({
        ...{ method: 'GET', url: new URL('/api/v1/ca', gateway.url), trust: { ca: null }, environment: {} },
      });
      await expect(asked).rejects.toThrow(/certificate/);
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });
});

describe('authorities that the key set names', () => {
  const [first, other] = [newAuthority(), newAuthority()];
  const second = newAuthority(first);
  const der = ({ ca }: TestAuthority) => new X509Certificate(ca).raw.toString('base64url');
  const meets = async (authority: TestAuthority, joinedBy: TestAuthority | null, named: TestAuthority[] | null) => {
    await using it = await openTlsGateway({ controlPlane, presents: presentedBy(authority) });
    return await outcomeOf({ url: it.url, ca: joinedBy?.ca ?? null }, named?.map(der) ?? null);
  };

  test('are believed instead of the one that was joined by', async () => {
    expect(await meets(second, first, [second])).toBe('open');
    expect(await meets(second, other, [second])).toBe('open');
    expect(await meets(first, first, [second])).toMatch(/CERT|SIGNATURE|ISSUER/);
    expect(await meets(first, first, [second, first])).toBe('open');
  });

  test('are reached by who knows only their forerunner, which vouches for them', async () => {
    expect(await meets(second, first, null)).toBe('open');
    expect(await meets(second, other, null)).toMatch(/CERT|SIGNATURE|ISSUER/);
  });

  test('do not concern who joined by an authority of the system’s', async () => {
    expect(await meets(second, null, [second])).toMatch(/VERIFY|CERT|ISSUER/);
  });
});

describe('through a proxy', () => {
  const proxied = (port: number, credentials = '') => `http://${credentials}127.0.0.1:${String(port)}`;

  test.each(['HTTPS_PROXY', 'https_proxy'])('that %s names', async (name) => {
    await using proxy = await openConnectProxy();
    expect(await outcomeOf({ environment: { [name]: proxied(proxy.port) } })).toBe('open');
    expect([proxy.asked, proxy.opened]).toEqual([[`127.0.0.1:${String(gateway.port)}`], 1]);
  });

  test('that asks for a user and a password, which stand in its URL', async () => {
    await using proxy = await openConnectProxy({ credentials: 'agent:p@ss/word' });
    expect(await outcomeOf({ environment: { HTTPS_PROXY: proxied(proxy.port, 'agent:p%40ss%2Fword@') } })).toBe('open');
  });

  test.each(['', 'agent:wrong@'])('that refuses the credentials (%j): said as it is, without them', async (given) => {
    await using proxy = await openConnectProxy({ credentials: 'agent:right' });
    const said = await outcomeOf({ environment: { HTTPS_PROXY: proxied(proxy.port, given) } });
    expect(said).toContain('407');
    expect(said).not.toContain('wrong');
    expect(proxy.opened).toBe(0);
  });

  test('not, where NO_PROXY names the control plane', async () => {
    await using proxy = await openConnectProxy();
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const environment = { HTTPS_PROXY: proxied(proxy.port), [name]: 'example.org,127.0.0.1' };
      expect(await outcomeOf({ environment })).toBe('open');
    }
    expect(proxy.asked).toEqual([]);
  });

  test('not, for a proxy of plain HTTP: there is none of that', async () => {
    await using proxy = await openConnectProxy();
    expect(await outcomeOf({ environment: { HTTP_PROXY: proxied(proxy.port) } })).toBe('open');
    expect(proxy.asked).toEqual([]);
  });

  test('the certificate is checked, too', async () => {
    await using proxy = await openConnectProxy();
    const said = await outcomeOf({ ca: null, environment: { HTTPS_PROXY: proxied(proxy.port) } });
    expect(said).toMatch(/VERIFY|CERT|ISSUER/);
  });

  test('requests of enrolment go, as well', async () => {
    await using proxy = await openConnectProxy();
    const environment = { HTTPS_PROXY: proxied(proxy.port) };
    const url = new URL('/api/v1/ca', gateway.url);
    const answer = await requestHttps({ method: 'GET', url, trust: { ca: gateway.ca }, environment });
    expect([answer.status, proxy.opened]).toEqual([200, 1]);
  });

  test('that takes the request and never answers, we do not wait for ever', async () => {
    await using proxy = await openConnectProxy({ silent: true });
    const { ended } = dial({ openMs: 100, environment: { HTTPS_PROXY: proxied(proxy.port) } });
    expect((await ended).code).toBeNull();
  });
});

describe('a connection', () => {
  test('carries text both ways, and binary messages as nothing', async () => {
    gateway.honest = false;
    try {
      const { connection, messages, outcome } = dial();
      await outcome;
      const before = gateway.frames.length;
      connection.send('{"type":"goodbye","reason":"uninstalled"}');
      await eventually(() => gateway.frames.length > before);
      for (const socket of gateway.sockets) {
        socket.send('ü');
        socket.send(Buffer.from([1]));
      }
      await eventually(() => messages.length === 2);
      expect(messages).toEqual(['ü', null]);
      connection.close(1000, '');
    } finally {
      gateway.honest = true;
    }
  });

  test('ends with the peer’s close code; with none when it just breaks', async () => {
    const said = dial();
    await said.outcome;
    for (const socket of gateway.sockets) socket.close(4503, 'draining');
    expect(await said.ended).toEqual({ code: 4503, detail: 'closed with code 4503' });
    const broken = dial();
    await broken.outcome;
    for (const socket of gateway.sockets) socket.terminate();
    expect((await broken.ended).code).toBeNull();
  });

  test('that cannot be opened says why in a word', async () => {
    const closed = await unusedPort();
    expect(await outcomeOf({ url: `https://127.0.0.1:${String(closed)}` })).toBe('ECONNREFUSED');
  });

  test('is TLS or nothing', async () => {
    const plain = createServer((socket) => socket.resume().end('HTTP/1.1 200 OK\r\n\r\n'));
    const port = await listen(plain);
    expect(await outcomeOf({ url: `https://127.0.0.1:${String(port)}` })).toMatch(/SSL|ECONNRESET|EPROTO/);
    await new Promise((resolve) => plain.close(resolve));
  });
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
