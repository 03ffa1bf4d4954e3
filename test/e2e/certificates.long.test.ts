import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { issueLeaf, type Issued } from '../../control-plane/server/keys/certificate.ts';
import { until } from '../support/hosts/until.ts';
import { openProcessWorld, type AgentProcess, type ProcessWorld } from '../support/processes.ts';

const DAY_MS = 24 * 3_600_000;
// Many starts of Node in one test; on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 90_000 });

let world: ProcessWorld;
beforeEach(async () => {
  world = await openProcessWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const key = (name: string) => readFileSync(join(world.keys, name), 'utf8');

/** A leaf by the authority as it is now. */
function leafThatEnds(notAfter: number): Issued {
  const authority = new X509Certificate(key('ca.crt'));
  const name = authority.subject.replace(/^CN=/, '');
  const issuer = { name, key: createPrivateKey(key('ca.key')), publicKey: authority.publicKey };
  return issueLeaf('127.0.0.1', issuer, { notBefore: 0, notAfter });
}

/** The certificate that a new connection gets. */
async function presented(): Promise<X509Certificate> {
  const socket = connect({ host: '127.0.0.1', port: world.port, ca: key('ca.crt') });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  if (certificate === undefined) throw new Error('no certificate');
  return certificate;
}

test('a certificate about to end is replaced while an agent stays connected, and new connections get the new one', async () => {
  const agent = await world.enrol('web-1', await world.joinToken());
  agent.start();
  await world.running('web-1');
  const [session, before] = [await agent.status(), await presented()];
  const ending = leafThatEnds(Date.now() + 20 * DAY_MS);
  writeFileSync(join(world.keys, 'tls.key'), ending.keyPem);
  writeFileSync(join(world.keys, 'tls.crt'), ending.certificatePem);
  world.signalServer('SIGHUP');
  const after = await until(async () => [await presented()].find((it) => it.serialNumber !== before.serialNumber), {
    what: 'another certificate',
    deadlineMs: 30_000,
  });
  expect(after.validToDate.getTime()).toBeGreaterThan(Date.now() + 700 * DAY_MS);
  expect(after.publicKey.equals(before.publicKey)).toBe(false);
  await world.running('web-1');
  expect(session.state).toBe('connected');
  expect(await agent.status()).toMatchObject({ state: 'connected', since: session.since });
});

test('no agent is lost when the authority is rotated, also one that is away until after its end, and the old one is refused', async () => {
  const [here, away] = [
    await world.enrol('here', await world.joinToken()),
    await world.enrol('away', await world.joinToken()),
  ];
  const thief = { ...leafThatEnds(Date.now() + 365 * DAY_MS), ca: key('ca.crt') };
  here.start();
  await world.running('here');
  const tokenFromBefore = await world.joinToken();

  await rotate();
  // The operator still has the authority of the first start.
  expect(new X509Certificate(key('ca.crt')).raw.equals(new X509Certificate(thief.ca).raw)).toBe(false);
  await world.running('here');
  expect((await here.status()).keySetVersion).toBe(2);
  const late = await world.enrol('late', tokenFromBefore);
  late.start();
  await world.running('late');
  const stillAway = world.copyOf(away, 'still-away');

  await rotate('--finish');
  await Promise.all([world.running('here'), world.running('late')]);
  away.start();
  await world.running('away');
  for (const agent of [here, late, away]) expect((await agent.status()).keySetVersion).toBe(3);

  // Now somebody with the old authority's key answers in its place.
  for (const agent of [here, late, away]) await agent.stop();
  await world.stopServer();
  await using impostor = await openImpostor(thief);
  for (const agent of [here, late, away]) expect(await problemOf(agent)).toMatch(/CERT|SIGNATURE|ISSUER/);
  expect(impostor.met()).toBe(0);
  // Who has not heard of the rotation lets him speak, and believes nothing that he says.
  expect(await problemOf(stillAway)).not.toMatch(/CERT|SIGNATURE|ISSUER/);
  expect(impostor.met()).toBe(1);
});

/** The verb, and the restart that it asks for. */
async function rotate(...flags: string[]): Promise<void> {
  const words = ['server', 'rotate-ca', ...flags, '--keys', world.keys];
  expect(await world.latchkey(...words, '--script-key', join(world.keys, 'script.key'))).toMatchObject({ code: 0 });
  await world.stopServer();
  await world.startServer();
}

/** What `check` says of the connection. */
async function problemOf(agent: AgentProcess): Promise<string> {
  const { out } = await agent.verb('check', '--json');
  const { connection } = JSON.parse(out) as { connection: string | null };
  return connection ?? 'none';
}

async function openImpostor(leaf: Issued): Promise<AsyncDisposable & { met(): number }> {
  let met = 0;
  const server = createServer({ key: leaf.keyPem, cert: leaf.certificatePem }, (_, response) => {
    response.writeHead(404).end();
  });
  server.on('upgrade', (_request, socket) => {
    met += 1;
    socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
  });
  server.listen(world.port, '127.0.0.1');
  await once(server, 'listening');
  return {
    met: () => met,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
