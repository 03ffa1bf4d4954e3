import { randomUUID } from 'node:crypto';
import type { InstanceId } from '#protocol';
import { expect, test } from 'vitest';

import type { Connection, ConnectionHandler } from '../../../control-plane/server/gateway/connection.ts';
import { openCoreWorld, type CoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until, type FakeIdentity } from '../../support/fake-agent.ts';
import { FIRST_VERSION, shapesOf } from '../../support/first-version.ts';

/** Every text that went over connections made by `accept`, in both directions. */
function tapped(world: CoreWorld): {
  readonly down: unknown[];
  readonly up: unknown[];
  readonly accept: (connection: Connection) => ConnectionHandler;
} {
  const [down, up]: [unknown[], unknown[]] = [[], []];
  return {
    down,
    up,
    accept(connection) {
      const send = (text: string) => {
        down.push(JSON.parse(text));
        connection.send(text);
      };
      const close: Connection['close'] = (reason) => {
        connection.close(reason);
      };
      const handler = world.core.accept({ source: connection.source, send, close });
      return {
        onText(text) {
          up.push(JSON.parse(text));
          handler.onText(text);
        },
        onClosed() {
          handler.onClosed();
        },
      };
    },
  };
}

async function enrolled(world: CoreWorld): Promise<FakeIdentity> {
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  return identity;
}

async function runs({ store }: CoreWorld, { instanceId }: FakeIdentity): Promise<void> {
  await until(async () => ((await store.read.instances.get(instanceId))?.agentState === 'running' ? true : null));
}

async function resets(world: CoreWorld): Promise<void> {
  const reset = await world.start(await world.plan({ targets: { instances: ['one'] }, account: 'alice' }));
  expect((await world.finished(reset)).counts).toMatchObject({ total: 1, succeeded: 1 });
}

test('an agent of the first version is reset, and is sent nothing that it would not know', async () => {
  const world = await openCoreWorld();
  const identity = await enrolled(world);
  const { down, up, accept } = tapped(world);
  const agent = new FakeAgent(identity, accept);
  agent.hello();
  await runs(world, identity);
  await resets(world);
  await agent.frame('result-ack');
  await world[Symbol.asyncDispose]();

  const sent = Object.assign({}, ...down.map((frame) => shapesOf(frame, FIRST_VERSION.fromServer))) as object;
  // Every one of them was sent, and with these fields exactly.
  expect(sent).toEqual(FIRST_VERSION.fromServer);
  // And this agent said no more than one of the first version can.
  const said = Object.assign({}, ...up.map((frame) => shapesOf(frame, FIRST_VERSION.fromAgent))) as object;
  expect(FIRST_VERSION.fromAgent).toMatchObject(said);
  expect(Object.keys(said)).toEqual(expect.arrayContaining(['hello', 'agent-proof', 'health', 'result.result']));
});

test('an agent of a newer version that still speaks the first one is reset', async () => {
  await using world = await openCoreWorld();
  const identity = await enrolled(world);
  const agent = new FakeAgent(identity, (connection) => world.core.accept(connection));
  agent.hello({ protocols: [9, 2, 1] });
  expect((await agent.frame('server-proof')).protocol).toBe(1);
  await runs(world, identity);
  await resets(world);
});

test('a field that the version does not know ends the session, and the same agent without it is welcome', async () => {
  await using world = await openCoreWorld();
  const identity = await enrolled(world);
  const accept = (connection: Connection) => world.core.accept(connection);
  const newer = new FakeAgent(identity, accept);
  newer.hello({ mood: 'hopeful' } as never);
  expect(await until(() => newer.closedFor)).toBe('frame-malformed');
  const agent = new FakeAgent(identity, accept);
  agent.hello();
  await runs(world, identity);
  await resets(world);
});
