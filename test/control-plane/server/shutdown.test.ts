import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL, type InstanceId } from '#protocol';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { checkConfig, type ServerConfig } from '../../../control-plane/server/config.ts';
import { DATABASE_FILE } from '../../../control-plane/server/data-directory.ts';
import type { Connection, ConnectionHandler } from '../../../control-plane/server/gateway/connection.ts';
import { startServer } from '../../../control-plane/server/server.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import { insertInstance, strictLog } from '../../support/core-world.ts';
import { FakeAgent, newIdentity } from '../../support/fake-agent.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return address.port;
}

async function configIn(top: string): Promise<ServerConfig> {
  const address = `127.0.0.1:${await freePort()}`;
  const flags = { listen: address, data: join(top, 'data'), keys: join(top, 'keys') };
  const checked = checkConfig(null, flags);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.config;
}

/** The fake speaks in memory; this puts its words on a real socket. */
function overSocket(socket: WebSocket): (connection: Connection) => ConnectionHandler {
  return (connection) => {
    socket.on('message', (data: Buffer) => {
      connection.send(data.toString('utf8'));
    });
    return {
      onText: (text) => {
        socket.send(text);
      },
      onClosed: () => {
        socket.close();
      },
    };
  };
}

test('a control plane that stops records the loss of its sessions before it closes the store', async () => {
  const top = mkdtempSync(join(tmpdir(), 'latchkey-shutdown-'));
  const config = await configIn(top);
  const identity = await newIdentity(randomUUID() as InstanceId);
  const path = join(config.dataDir, DATABASE_FILE);
  const before = await openSqliteStore({ path });
  await insertInstance(before, Date.now(), 'one', identity, 'linux');
  await before.close();

  const failures: unknown[] = [];
  const server = await startServer(config, strictLog(failures));
  const ca = readFileSync(join(config.keysDir, 'ca.crt'));
  const url = `wss://127.0.0.1:${config.listen.port}${GATEWAY_PATH}`;
  const [socket, silent] = [1, 2].map(() => new WebSocket(url, GATEWAY_SUBPROTOCOL, { ca }));
  if (socket === undefined || silent === undefined) throw new Error('no socket');
  await Promise.all([once(socket, 'open'), once(silent, 'open')]);
  const agent = new FakeAgent(identity, overSocket(socket));
  agent.hello();
  await agent.frame('health-request');
  const gone = once(socket, 'close');
  await server.stop();
  expect(failures).toEqual([]);
  expect((await gone)[0]).toBe(4503);

  const after = await openSqliteStore({ path });
  expect(await after.read.instances.get(identity.instanceId)).toMatchObject({
    agentState: 'offline',
    lastSeenAt: expect.any(Number) as number,
  });
  await after.close();
  rmSync(top, { recursive: true, force: true });
});
