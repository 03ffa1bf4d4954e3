import { randomUUID } from 'node:crypto';
import type { InstanceId, InstanceName, Nonce, OrderFrame } from '#protocol';
import type * as z from 'zod';
import { LIVENESS_DEADLINE_MS, Order, fromBase64Url, parseJsonBytes, toBase64Url, randomBytes } from '#protocol';
import { describe, expect, test } from 'vitest';
import { ADMINISTRATOR, openCoreWorld, type CoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until, type FakeAgentHabits } from '../../support/fake-agent.ts';
import { FakeClock } from '../../support/fake-clock.ts';

async function connect(world: CoreWorld, name: string, habits?: FakeAgentHabits): Promise<FakeAgent> {
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol(name, identity);
  const agent = new FakeAgent(identity, world.core.accept, habits);
  agent.hello();
  await running(world, agent);
  return agent;
}

async function running(world: CoreWorld, agent: FakeAgent): Promise<void> {
  await until(async () => {
    const instance = await world.store.read.instances.get(agent.identity.instanceId);
    return instance?.agentState === 'running' ? true : null;
  });
}

const orderOf = (frame: z.infer<typeof OrderFrame>): Order => {
  const opened = parseJsonBytes(Order, fromBase64Url(frame.order.bytes));
  if (!opened.ok) throw new Error('bad order');
  return opened.body;
};
const tasksOf = async (world: CoreWorld, id: Parameters<CoreWorld['core']['resets']['tasks']>[1]) =>
  (await world.core.resets.tasks(ADMINISTRATOR, id, { limit: 100 })).items;
const target = (...instances: string[]) => ({ targets: { instances: instances as InstanceName[] } });

describe('a reset', () => {
  test('is planned, sealed, delivered, proven, and leaves no ciphertext behind', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one');
    const plan = await world.plan(target('one'));
    expect(plan.targets).toMatchObject([{ name: 'one', account: 'root', blocked: null }]);
    const reset = await world.finished(await world.start(plan));
    expect(reset.counts).toEqual({ total: 1, succeeded: 1, failed: 0, blocked: 0, pending: 0 });
    const [task] = await tasksOf(world, reset.id);
    expect(task).toMatchObject({ state: 'succeeded', verifiedBy: 'login', generation: 1 });
    expect(await agent.frame('result-ack')).toMatchObject({ taskId: task?.id });
    const rows = await world.store.read.tasks.ofReset(reset.id, {}, { limit: 10, after: null });
    expect(rows.rows.map((row) => row.sealed)).toEqual([null]);
    expect(world.failures).toEqual([]);
  });

  test('leaves one audit record for each change of state', async () => {
    await using world = await openCoreWorld();
    await connect(world, 'one');
    const reset = await world.finished(await world.start(await world.plan(target('one'))));
    const { rows } = await world.store.read.audit.list({ action: 'task.state' }, { limit: 100, after: null });
    const steps = rows.filter((row) => row.detail['reset'] === reset.id).map((row) => row.detail['to']);
    expect(steps.reverse()).toEqual(['dispatched', 'accepted', 'running', 'succeeded']);
  });

  test('raises the generation of its account by one each time', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one');
    await world.finished(await world.start(await world.plan(target('one'))));
    await world.finished(await world.start(await world.plan(target('one'))));
    const orders = agent.received.filter((frame) => frame.type === 'order').map(orderOf);
    expect(orders.map((order) => order.generation)).toEqual([1, 2]);
  });

  test('is bound to the session that delivers it', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one');
    await world.finished(await world.start(await world.plan(target('one'))));
    expect(orderOf(await agent.frame('order')).sessionBinding).toBe(agent.binding);
  });

  test('that is not answered is sent again in the next session, with the same generation', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one', { alive: true, result: 'none' });
    const reset = await world.start(await world.plan(target('one')));
    const first = orderOf(await agent.frame('order'));
    agent.drop();
    const back = new FakeAgent(agent.identity, world.core.accept);
    back.hello();
    const second = orderOf(await back.frame('order'));
    expect([second.taskId, second.generation]).toEqual([first.taskId, first.generation]);
    expect(second.sessionBinding).not.toBe(first.sessionBinding);
    expect((await world.finished(reset)).counts.succeeded).toBe(1);
  });

  test('blocks instead of sending when the agent is silent to a fresh challenge', async () => {
    const clock = new FakeClock(Date.now());
    await using world = await openCoreWorld({ clock });
    const agent = await connect(world, 'one');
    const plan = await world.plan(target('one'));
    agent.habits = { alive: false, result: 'succeeded' };
    const starting = world.start(plan);
    await agent.frame('liveness-challenge');
    // The request waits for the answer for a moment, the delivery until its deadline.
    clock.advance(LIVENESS_DEADLINE_MS / 10);
    const { id } = await starting;
    const reset = await until(async () => {
      clock.advance(LIVENESS_DEADLINE_MS / 10);
      const found = await world.core.resets.get(ADMINISTRATOR, id);
      return found.counts.pending === 0 ? found : null;
    });
    expect(reset.counts.blocked).toBe(1);
    expect(await tasksOf(world, reset.id)).toMatchObject([{ state: 'blocked', code: 'agent-not-responding' }]);
    expect(agent.received.some((frame) => frame.type === 'order')).toBe(false);
  });

  test('of which every instance was removed since the plan is refused, and does not begin to have no end', async () => {
    await using world = await openCoreWorld();
    const agents = [await connect(world, 'one'), await connect(world, 'two')];
    const plan = await world.plan(target('one', 'two'));
    await world.store.transaction(async (tx) => {
      for (const { identity } of agents) await tx.instances.delete(identity.instanceId);
    });
    await expect(world.start(plan)).rejects.toMatchObject({ code: 'instance-not-found', details: [{}, {}] });
    expect((await world.core.resets.list(ADMINISTRATOR, { limit: 10 })).items).toEqual([]);
  });

  test('starts nothing when one instance is blocked, unless told to skip it', async () => {
    await using world = await openCoreWorld();
    await connect(world, 'one');
    await world.enrol('two', await newIdentity(randomUUID() as InstanceId));
    const plan = await world.plan(target('one', 'two'));
    await expect(world.start(plan)).rejects.toMatchObject({
      code: 'targets-blocked',
      details: [{ subject: 'two', code: 'agent-offline' }],
    });
    const reset = await world.finished(await world.start(plan, { skipBlocked: true }));
    expect(reset.counts).toMatchObject({ total: 2, succeeded: 1, blocked: 1 });
  });

  test('of Linux and Windows instances together is refused', async () => {
    await using world = await openCoreWorld();
    await connect(world, 'one');
    await world.enrol('win', await newIdentity(randomUUID() as InstanceId), 'windows');
    await expect(world.plan(target('one', 'win'))).rejects.toMatchObject({ code: 'os-mixed' });
  });

  test('of an account with an unfinished one waits for supersede', async () => {
    await using world = await openCoreWorld();
    await connect(world, 'one', { alive: true, result: 'none' });
    await world.start(await world.plan(target('one')));
    const again = await world.plan(target('one'));
    expect(again.targets[0]?.blocked).toMatchObject({ code: 'reset-in-progress' });
    const superseding = await world.plan({ ...target('one'), supersede: true });
    expect(superseding.targets[0]?.blocked).toBeNull();
  });

  test('whose plan was used, or was made by somebody else, is refused', async () => {
    await using world = await openCoreWorld();
    await connect(world, 'one');
    const plan = await world.plan(target('one'));
    await world.finished(await world.start(plan));
    await expect(world.start(plan)).rejects.toMatchObject({ code: 'reset-not-planned' });
    const foreign = await world.plan(target('one'), { ...ADMINISTRATOR, tokenId: randomUUID() as never });
    await expect(world.start(foreign)).rejects.toMatchObject({ code: 'reset-not-found' });
  });

  test('is refused when the sealing key changed after the plan', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one');
    const plan = await world.plan(target('one'));
    const other = await newIdentity(agent.identity.instanceId);
    await world.store.transaction((tx) =>
      tx.instances.update(agent.identity.instanceId, { sealingKey: other.sealingKey }),
    );
    await expect(world.start(plan)).rejects.toMatchObject({ code: 'agent-key-changed' });
  });

  test('does not start for a token that was revoked after the request', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one');
    const plan = await world.plan(target('one'));
    await world.store.transaction((tx) => tx.tokens.revoke(ADMINISTRATOR.tokenId, Date.now()));
    const reset = await world.finished(await world.start(plan));
    expect(await tasksOf(world, reset.id)).toMatchObject([{ state: 'blocked', code: 'account-not-authorised' }]);
    expect(agent.received.some((frame) => frame.type === 'order')).toBe(false);
  });
});

describe('a result', () => {
  test('of another password, another instance or another key changes nothing', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one', { alive: true, result: 'none' });
    const stranger = await connect(world, 'two', { alive: true, result: 'none' });
    const reset = await world.start(await world.plan(target('one')));
    const order = orderOf(await agent.frame('order'));
    agent.habits = stranger.habits = { alive: true, result: 'succeeded' };
    await agent.report(order, { sealedDigest: 'A'.repeat(43) as never });
    await stranger.report(order);
    await stranger.report(order, { instanceId: stranger.identity.instanceId });
    await stranger.frame('result-ack');
    expect(await tasksOf(world, reset.id)).toMatchObject([{ state: 'dispatched' }]);
    await agent.report(order);
    expect((await world.finished(reset)).counts.succeeded).toBe(1);
  });
});

describe('a session', () => {
  test('is refused to an unknown instance and to a wrong identity alike', async () => {
    await using world = await openCoreWorld();
    const known = await connect(world, 'one');
    const imposter = await newIdentity(known.identity.instanceId);
    const unknown = await newIdentity(randomUUID() as InstanceId);
    for (const identity of [imposter, unknown]) {
      const agent = new FakeAgent(identity, world.core.accept);
      agent.hello();
      expect(await until(() => agent.closedFor)).toBe('proof-invalid');
    }
  });

  test('is refused to who knows the identity but cannot sign for it', async () => {
    await using world = await openCoreWorld();
    const known = await connect(world, 'one');
    const thief = await newIdentity(known.identity.instanceId);
    const agent = new FakeAgent(
      { ...thief, signer: { ...thief.signer, key: known.identity.signer.key } },
      world.core.accept,
    );
    agent.hello();
    expect(await until(() => agent.closedFor)).toBe('proof-invalid');
  });

  test('fences both when two machines answer as one', async () => {
    await using world = await openCoreWorld();
    const original = await connect(world, 'one');
    const copy = new FakeAgent({ ...original.identity }, world.core.accept);
    copy.hello();
    expect(await until(() => copy.closedFor)).toBe('fenced');
    expect(await until(() => original.closedFor)).toBe('fenced');
    const plan = await world.plan(target('one'));
    expect(plan.targets[0]?.blocked).toMatchObject({ code: 'agent-fenced' });
    const again = new FakeAgent({ ...original.identity }, world.core.accept);
    again.hello();
    expect(await until(() => again.closedFor)).toBe('fenced');
  });

  test('takes the place of a half-open one without being taken for a clone', async () => {
    const clock = new FakeClock(Date.now());
    await using world = await openCoreWorld({ clock });
    const agent = await connect(world, 'one');
    agent.habits = { alive: false, result: 'none' };
    const back = new FakeAgent(agent.identity, world.core.accept);
    back.hello();
    await agent.frame('liveness-challenge');
    clock.advance(LIVENESS_DEADLINE_MS);
    await back.frame('health-request');
    expect(agent.closedFor).not.toBe('fenced');
    expect(back.closedFor).toBeNull();
    const instance = await world.store.read.instances.get(agent.identity.instanceId);
    expect(instance?.fencedAt).toBeNull();
  });

  test('with a secret of an older session fences the identity', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, 'one');
    agent.drop();
    const stale = { ...agent.identity, continuity: toBase64Url(randomBytes(32)) as Nonce };
    const copy = new FakeAgent(stale, world.core.accept);
    copy.hello();
    expect(await until(() => copy.closedFor)).toBe('fenced');
    const instance = await world.store.read.instances.get(agent.identity.instanceId);
    expect(instance).toMatchObject({ agentState: 'abnormal', reasons: [{ code: 'continuity-lost' }] });
  });

  test.each(['not json', '{}', '{"type":"order"}', '[]', `{"type":"hello","x":"${'x'.repeat(20_000)}"}`])(
    'that begins with %.20s is turned away and counted',
    async (text) => {
      await using world = await openCoreWorld();
      const agent = new FakeAgent(await newIdentity(randomUUID() as InstanceId), world.core.accept);
      agent.sendText(text);
      expect(agent.closedFor).toMatch(/^frame-(malformed|too-large)$/);
      await until(async () => {
        const { rows } = await world.store.read.audit.list({ action: 'session.refuse' }, { limit: 10, after: null });
        return rows.length > 0 ? true : null;
      });
    },
  );

  test('that sends session frames before its proof is turned away', async () => {
    await using world = await openCoreWorld();
    const agent = new FakeAgent(await newIdentity(randomUUID() as InstanceId), world.core.accept);
    agent.send({ type: 'goodbye', reason: 'agent-stopping' });
    expect(await until(() => agent.closedFor)).toBe('frame-unexpected');
  });
});
