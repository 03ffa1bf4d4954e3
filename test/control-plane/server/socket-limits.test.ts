import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL, type InstanceId } from '#protocol';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { checkConfig } from '../../../control-plane/server/config.ts';
import { DATABASE_FILE } from '../../../control-plane/server/data-directory.ts';
import { createSocketLimits } from '../../../control-plane/server/gateway/socket-limits.ts';
import { startServer } from '../../../control-plane/server/server.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import { insertInstance, strictLog } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until } from '../../support/fake-agent.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return address.port;
}

/** A control plane on a real port with room for ten, and one enrolled instance. */
async function openWorld(total = 4_000) {
  const top = mkdtempSync(join(tmpdir(), 'latchkey-sockets-'));
  const [port, metricsPort] = [await freePort(), await freePort()];
  const flags = { listen: `127.0.0.1:${port}`, data: join(top, 'data'), keys: join(top, 'keys') };
  const text = {
    rateLimits: { unprovenSockets: { perAddress: 10, total } },
    metricsListen: `127.0.0.1:${metricsPort}`,
  };
  const checked = checkConfig({ text: JSON.stringify(text), directory: top }, flags);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const { config } = checked;
  const identity = await newIdentity(randomUUID() as InstanceId);
  const store = await openSqliteStore({ path: join(config.dataDir, DATABASE_FILE) });
  await insertInstance(store, Date.now(), 'one', identity, 'linux');
  await store.close();
  const server = await startServer(config, strictLog([]));
  onTestFinished(async () => {
    await server.stop();
    rmSync(top, { recursive: true });
  });
  const ca = readFileSync(join(config.keysDir, 'ca.crt'));
  const url = `wss://127.0.0.1:${port}${GATEWAY_PATH}`;
  const figure = async (name: string) => {
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await answer.text())?.[1] ?? Number.NaN);
  };
  return {
    port,
    identity,
    figure,
    dial: (localAddress?: string) => new WebSocket(url, GATEWAY_SUBPROTOCOL, { ca, localAddress }),
  };
}

async function openSession({ dial, identity }: Awaited<ReturnType<typeof openWorld>>): Promise<FakeAgent> {
  const socket = dial();
  await once(socket, 'open');
  onTestFinished(() => socket.terminate());
  const agent = new FakeAgent(identity, (connection) => {
    socket.on('message', (data: Buffer) => connection.send(data.toString('utf8')));
    socket.on('close', () => connection.close('internal-failure'));
    return { onText: (text) => socket.send(text), onClosed: () => socket.close() };
  });
  agent.hello();
  await agent.frame('health-request');
  return agent;
}

function flood(port: number, count: number): Socket[] {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return sockets;
}

test('sockets that prove nothing are cut beyond the limit, before TLS; sessions stay, and do not count', async () => {
  const world = await openWorld();
  const agent = await openSession(world);
  expect(await world.figure('latchkey_sockets_unproven')).toBe(0);

  const silent = flood(world.port, 25);
  const cut = () => silent.filter((socket) => socket.closed).length;
  await until(() => (cut() === 15 ? true : null));
  expect(await world.figure('latchkey_sockets_unproven')).toBe(10);
  expect(await world.figure(String.raw`latchkey_sockets_refused_total\{limit="perAddress"\}`)).toBe(15);
  const refused = world.dial();
  const [error] = (await once(refused, 'error')) as [Error];
  expect(error.message).not.toBe('');
  expect(agent.closedFor).toBeNull();

  for (const socket of silent) socket.destroy();
  await until(async () => ((await world.figure('latchkey_sockets_unproven')) === 0 ? true : null));
  const welcome = world.dial();
  await once(welcome, 'open');
  welcome.terminate();
  expect(agent.closedFor).toBeNull();
});

/** A socket as far as the limits are concerned. */
function peer(remoteAddress: string | undefined, remotePort: number | undefined, localAddress = '::1') {
  const closing: (() => void)[] = [];
  const ends = { remoteAddress, remotePort, localAddress, localPort: 8443 };
  const destroy = vi.fn();
  const socket = { ...ends, once: (_: string, run: () => void) => closing.push(run), destroy };
  const wasCut = () => destroy.mock.calls.length > 0;
  return { socket: socket as unknown as Socket, wasCut, close: () => closing.forEach((run) => run()) };
}

test('two sockets from one port to two addresses of the server are two, and so are those that are gone already', () => {
  const limits = createSocketLimits({
    limits: { total: 3, perAddress: 3 },
    sourceOf: (address) => address ?? 'unknown',
    refused: () => undefined,
  });
  for (const [address, port] of [['2001::1', 1] as const, [undefined, undefined] as const]) {
    for (let round = 0; round < 5; round += 1) {
      const first = peer(address, port, '::1');
      const both = [first, peer(address, port, '::2')];
      expect(both.map(({ socket }) => limits.admit(socket))).toEqual([true, true]);
      expect(limits.unproven).toBe(2);
      limits.proven(first.socket);
      for (const { close } of both) close();
      expect(limits.unproven).toBe(0);
    }
  }
});

test('the limits are of all and of each address; an IPv6 network counts as one', () => {
  const refused: string[] = [];
  const limits = createSocketLimits({
    limits: { total: 3, perAddress: 2 },
    sourceOf: (address) => (address ?? 'unknown').slice(0, 4),
    refused: (limit) => refused.push(limit),
  });
  const [a1, a2, a3] = [peer('2001::1', 1), peer('2001::2', 1), peer('2001::3', 1)];
  expect([a1, a2, a3].map(({ socket }) => limits.admit(socket))).toEqual([true, true, false]);
  const [b1, c1] = [peer('2002::1', 1), peer('2003::1', 1)];
  expect(limits.admit(b1.socket)).toBe(true);
  expect(refused).toEqual(['perAddress']);
  limits.proven(b1.socket);
  expect(limits.admit(c1.socket)).toBe(true);

  limits.proven(a1.socket);
  a1.close();
  a1.close();
  expect(limits.unproven).toBe(2);
  expect(limits.admit(a3.socket)).toBe(true);
  for (const { close } of [a2, a3, b1, c1]) close();
  expect(limits.unproven).toBe(0);
});

test('who holds all places makes room for those who hold fewer, oldest first', () => {
  const refused: string[] = [];
  const limits = createSocketLimits({
    limits: { total: 4, perAddress: 3 },
    sourceOf: (address) => address ?? 'unknown',
    refused: (limit) => refused.push(limit),
  });
  const admitted = (address: string, port: number) => {
    const each = peer(address, port);
    expect(limits.admit(each.socket)).toBe(true);
    return each;
  };
  const a = [1, 2, 3].map((port) => admitted('10.0.0.1', port));
  const b = admitted('10.0.0.2', 1);
  const c = admitted('10.0.0.3', 1);
  const d = admitted('10.0.0.4', 1);
  expect([...a, b, c, d].map(({ wasCut }) => wasCut())).toEqual([true, true, false, false, false, false]);
  // Each has one: whoever has none yet still gets in, and whoever has one gets no second.
  const e = admitted('10.0.0.5', 1);
  expect(a[2]?.wasCut()).toBe(true);
  expect(limits.admit(peer('10.0.0.5', 2).socket)).toBe(false);
  expect([b, c, d, e].map(({ wasCut }) => wasCut())).toEqual([false, false, false, false]);
  expect(refused).toEqual(['total', 'total', 'total', 'total']);
  expect(limits.unproven).toBe(4);
  for (const { close } of [...a, b, c, d, e]) close();
  expect(limits.unproven).toBe(0);
});

test('one address that holds all places of a server does not keep another one out', async () => {
  const world = await openWorld(10);
  const held = flood(world.port, 10);
  await until(async () => ((await world.figure('latchkey_sockets_unproven')) === 10 ? true : null));
  const agent = await openSession({ ...world, dial: () => world.dial('127.0.0.2') });
  expect(agent.closedFor).toBeNull();
  expect(held.filter((socket) => socket.closed)).toHaveLength(1);
});
