import { randomUUID } from 'node:crypto';
import type { InstanceId, InstanceName } from '#protocol';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../control-plane/server/service/errors.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { Store } from '../../../control-plane/server/store/store.ts';
import { ADMINISTRATOR, openCoreWorld, type CoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until, type FakeAgentHabits } from '../../support/fake-agent.ts';

async function connect(world: CoreWorld, name: string, habits?: FakeAgentHabits): Promise<FakeAgent> {
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol(name, identity);
  const agent = new FakeAgent(identity, (connection) => world.core.accept(connection), habits);
  agent.hello();
  await until(async () => {
    const instance = await world.store.read.instances.get(identity.instanceId);
    return instance?.agentState === 'running' ? true : null;
  });
  return agent;
}

const target = (...instances: string[]) => ({ targets: { instances: instances as InstanceName[] } });
const ordersTo = (agent: FakeAgent) => agent.received.filter(({ type }) => type === 'order').length;
const ALIVE = { alive: true, result: 'none' } as const;

/** A store that counts its transactions and can be told to fail one after all of its work was done. */
async function openCountingStore() {
  const inner = await openSqliteStore({ path: ':memory:' });
  const state = { count: 0, failNext: false };
  const store: Store = {
    ...inner,
    transaction: (work) =>
      inner.transaction(async (tx) => {
        state.count += 1;
        const value = await work(tx);
        if (!state.failNext) return value;
        state.failNext = false;
        throw new Error('the disk is gone');
      }),
  };
  return { store, state };
}

describe('a reset of one connected instance', () => {
  test('is recorded and dispatched in one transaction, after a fresh sign of life', async () => {
    const { store, state } = await openCountingStore();
    await using world = await openCoreWorld({ store });
    const agent = await connect(world, 'one', ALIVE);
    const plan = await world.plan(target('one'));
    const [before, heard] = [state.count, agent.received.length];
    const reset = await world.start(plan);
    await agent.frame('order');
    expect(state.count - before).toBe(1);
    expect(agent.received.slice(heard).map(({ type }) => type)).toEqual(['liveness-challenge', 'order']);
    const { rows } = await store.read.tasks.ofReset(reset.id, {}, { limit: 10, after: null });
    expect(rows).toMatchObject([{ state: 'dispatched' }]);
    expect(world.failures).toEqual([]);
  });

  test('leaves nothing behind and sends nothing when that transaction fails', async () => {
    const { store, state } = await openCountingStore();
    await using world = await openCoreWorld({ store });
    const agent = await connect(world, 'one', ALIVE);
    const plan = await world.plan(target('one'));
    state.failNext = true;
    await expect(world.start(plan)).rejects.toThrow('the disk is gone');
    expect(ordersTo(agent)).toBe(0);
    // The instance is free again, and the same plan still is to be had.
    await world.start(plan);
    await agent.frame('order');
    expect(ordersTo(agent)).toBe(1);
  });

  test('asks nobody for the plan of somebody else', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one', ALIVE);
    const { resetId } = await world.plan(target('one'));
    const heard = agent.received.length;
    const stranger = { ...ADMINISTRATOR, tokenId: randomUUID() as typeof ADMINISTRATOR.tokenId };
    const sealed = [{ instanceId: agent.identity.instanceId, password: agent.identity.sealingKey }] as unknown as [];
    const request = { resetId, notAfter: Date.now() + 60_000, sealed, skipBlocked: false, final: true };
    await expect(world.core.resets.start(stranger, request, Date.now())).rejects.toBeInstanceOf(ApiError);
    expect(agent.received.length).toBe(heard);
  });

  test('starts without the sign of life of an instance that takes its time, and is delivered when it comes', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one', ALIVE);
    const plan = await world.plan(target('one'));
    agent.habits = { ...ALIVE, alive: false };
    const reset = await world.start(plan);
    expect(reset.counts.pending).toBe(1);
    expect(ordersTo(agent)).toBe(0);
    const asked = agent.received.flatMap((frame) => (frame.type === 'liveness-challenge' ? [frame.challenge] : []));
    const challenge = asked.at(-1);
    if (challenge === undefined) throw new Error('it was not asked');
    agent.send({ type: 'liveness-answer', challenge });
    await agent.frame('order');
    // It was asked once, and answered once.
    expect(agent.received.filter(({ type }) => type === 'liveness-challenge')).toHaveLength(asked.length);
  });

  test('gets each order once, however often the instance is looked at meanwhile', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one', ALIVE);
    const plan = await world.plan(target('one'));
    const starting = world.start(plan);
    world.core.dispatcher.deliver(agent.identity.instanceId);
    await starting;
    world.core.dispatcher.deliver(agent.identity.instanceId);
    await agent.frame('order');
    await world.core.settled();
    expect(ordersTo(agent)).toBe(1);
  });
});

test('a reset of few instances leaves for as many as its concurrency allows, the others follow', async () => {
  await using world = await openCoreWorld();
  const [one, two] = [await connect(world, 'one', ALIVE), await connect(world, 'two', ALIVE)];
  const agents = [one, two];
  await world.start(await world.plan({ ...target('one', 'two'), concurrency: 1 }));
  await until(() => (agents.some((agent) => ordersTo(agent) > 0) ? true : null));
  await world.core.settled();
  expect(agents.map(ordersTo).toSorted()).toEqual([0, 1]);
  const [first, second] = ordersTo(one) === 1 ? [one, two] : [two, one];
  const { order } = await first.frame('order');
  first.habits = { alive: true, result: 'succeeded' };
  await first.obey(order);
  await second.frame('order');
  expect(agents.map(ordersTo)).toEqual([1, 1]);
});
