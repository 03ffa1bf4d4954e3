import { randomUUID } from 'node:crypto';
import { Order, fromBase64Url, parseJsonBytes, type InstanceId } from '#protocol';
import { expect, test } from 'vitest';

import { openCoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until } from '../../support/fake-agent.ts';

const LIMIT = { resets: 100, tasks: 100 };

test('a result for a reset that was removed is acknowledged, and generations go on', async () => {
  await using world = await openCoreWorld();
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  const agent = new FakeAgent(identity, (connection) => world.core.accept(connection));
  agent.hello();
  await until(
    async () => (await world.store.read.instances.get(identity.instanceId))?.agentState === 'running' || null,
  );
  const reset = await world.start(await world.plan({ targets: { instances: ['one'] }, account: 'alice' }));
  await world.finished(reset);
  const { order } = await agent.frame('order');
  const opened = parseJsonBytes(Order, fromBase64Url(order.bytes));
  if (!opened.ok) throw new Error('not an order');

  const removed = await world.store.transaction((tx) => tx.resets.deleteFinished(Date.now(), LIMIT));
  expect(removed).toEqual({ resets: 1, tasks: 1, more: false });
  const acks = () => agent.received.filter(({ type }) => type === 'result-ack').length;
  await until(() => acks() === 1 || null);
  await agent.report(opened.body);
  await until(() => acks() === 2 || null);

  const next = await world.start(await world.plan({ targets: { instances: ['one'] }, account: 'alice' }));
  expect((await world.finished(next)).counts).toMatchObject({ succeeded: 1 });
  expect(await world.store.read.generations.highest(identity.instanceId, opened.body.account)).toBe(2);
  expect(world.failures).toEqual([]);
});
