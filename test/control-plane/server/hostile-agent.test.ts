import { randomUUID } from 'node:crypto';
import {
  Code,
  explain,
  fromBase64Url,
  GENERATION_MAX,
  Order,
  parseJsonBytes,
  signJson,
  toBase64Url,
  utf8,
  type AccountRef,
  type InstanceId,
  type InstanceName,
  type Nonce,
  type Reset,
  type ResetId,
  type Signed,
  type TaskId,
  type TaskResult,
} from '#protocol';
import { describe, expect, test, vi } from 'vitest';
import { sha256Sync } from '../../../control-plane/server/runtime.ts';
import { ADMINISTRATOR, openCoreWorld, type CoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until, type FakeAgentHabits, type FakeIdentity } from '../../support/fake-agent.ts';
import { FakeClock } from '../../support/fake-clock.ts';

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

const target = (...names: string[]) => ({ targets: { instances: names as InstanceName[] } });
const countsOf = async (world: CoreWorld, { id }: Reset) => (await world.core.resets.get(ADMINISTRATOR, id)).counts;

describe('an agent that claims the highest generation there is', () => {
  test('harms no reset but its own, and nothing that goes through all of them', async () => {
    await using world = await openCoreWorld();
    const hostile = await connect(world, 'hostile', { alive: true, result: 'none' });
    await connect(world, 'honest');
    await world.start(await world.plan(target('hostile')));
    const order = parseJsonBytes(Order, fromBase64Url((await hostile.frame('order')).order.bytes));
    if (!order.ok) throw new Error('bad order');
    hostile.habits = { alive: true, result: 'succeeded' };
    await hostile.report(order.body, { generation: Number.MAX_SAFE_INTEGER });
    await hostile.report(order.body, { generation: GENERATION_MAX });
    await hostile.frame('result-ack');

    const plan = await world.plan(target('hostile', 'honest'));
    const reset = await world.start(plan, { notAfter: Date.now() + 1_000 });
    await until(async () => ((await countsOf(world, reset)).succeeded === 1 ? true : null));
    const tasks = await world.core.resets.tasks(ADMINISTRATOR, reset.id, { limit: 10 });
    expect(tasks.items).toContainEqual(
      expect.objectContaining({ instance: 'hostile', generation: GENERATION_MAX + 1, state: 'dispatched' }),
    );
    // Limits that pass are found among the tasks of all instances.
    await until(async () => {
      await world.core.sweep.run();
      return (await countsOf(world, reset)).pending === 0 ? true : null;
    });
    expect(await countsOf(world, reset)).toMatchObject({ succeeded: 1, failed: 1 });
    expect(world.failures).toMatchObject([{ message: 'a delivery failed' }]);
  });
});

test('an agent that refuses orders without end fills one record a minute with it', async () => {
  await using world = await openCoreWorld({ clock: new FakeClock() });
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('hostile', identity);
  const agent = new FakeAgent(identity, (connection) => world.core.accept(connection));
  agent.hello();
  await agent.frame('health-request');
  const orderDigest = sha256Sync(utf8('an order that nobody sent'));
  for (let times = 0; times < 100; times += 1)
    agent.send({ type: 'order-refused', orderDigest, code: 'journal-failed' });
  const refused = () => world.store.read.audit.list({ action: 'order.refused' }, { limit: 1_000, after: null });
  await until(async () => ((await refused()).rows[0]?.detail['count'] === 100 ? true : null));
  expect((await refused()).rows).toHaveLength(1);
});

test('an agent that sends faster than any does is sent away, whatever it says', async () => {
  const clock = new FakeClock();
  await using world = await openCoreWorld({ clock });
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('hostile', identity);
  const agent = new FakeAgent(identity, (connection) => world.core.accept(connection));
  agent.hello();
  await agent.frame('health-request');
  const challenge = toBase64Url(new Uint8Array(32)) as Nonce;
  // What even a busy agent may send.
  for (let times = 0; times < 900; times += 1) agent.send({ type: 'liveness-answer', challenge });
  expect(agent.closedFor).toBeNull();
  for (let times = 0; times < 200; times += 1) agent.send({ type: 'liveness-answer', challenge });
  expect(await until(() => agent.closedFor)).toBe('too-many-frames');
});

test('a flood of sockets that are turned away shares a few transactions, and is counted to the last one', async () => {
  await using world = await openCoreWorld({ clock: new FakeClock() });
  const transactions = vi.spyOn(world.store, 'transaction');
  const flood = 1_000;
  for (let times = 0; times < flood; times += 1) {
    const connection = { source: '192.0.2.1', send: () => undefined, close: () => undefined };
    world.core.accept(connection).onText('no frame');
  }
  await world.core.refusals.settled();
  expect(transactions.mock.calls.length).toBeLessThan(10);
  const { rows } = await world.store.read.audit.list({ action: 'session.refuse' }, { limit: 10, after: null });
  expect(rows).toMatchObject([
    { actor: 'anonymous', resource: 'source:192.0.2.1', code: 'frame-malformed', detail: { count: flood } },
  ]);
});

test.each<[string, Code, (identity: FakeIdentity, other: FakeIdentity) => Promise<Signed>]>([
  ['signed by another identity', 'result-other-identity', (_, other) => signJson(other.signer, 'result', {})],
  [
    'with a wrong signature',
    'result-bad-signature',
    async ({ signer }, other) => ({ ...(await signJson(other.signer, 'result', {})), key: signer.key }),
  ],
  ['that cannot be read', 'result-malformed', ({ signer }) => signJson(signer, 'result', {})],
  [
    'of another instance',
    'result-other-instance',
    ({ signer }, { instanceId }) => signJson(signer, 'result', aResult(instanceId)),
  ],
])('a result %s is refused with a code of the table', async (_what, code, make) => {
  await using world = await openCoreWorld();
  const agent = await connect(world, 'hostile');
  agent.send({ type: 'result', result: await make(agent.identity, await newIdentity(randomUUID() as InstanceId)) });
  const refused = () => world.store.read.audit.list({ action: 'result.refused' }, { limit: 10, after: null });
  const record = await until(async () => (await refused()).rows[0]);
  expect(record).toMatchObject({ code, resource: `instance:${agent.identity.instanceId}` });
  expect(explain(Code.parse(record.code)).remedy).not.toBe('');
});

function aResult(instanceId: InstanceId): TaskResult {
  return {
    ...{
      v: 1,
      taskId: randomUUID() as TaskId,
      resetId: randomUUID() as ResetId,
      instanceId,
      account: 'root' as AccountRef,
    },
    ...{
      generation: 1,
      sealedDigest: sha256Sync(utf8('a seal')),
      state: 'failed',
      code: 'script-failed',
      detail: null,
    },
    ...{ verifiedBy: null, warnings: [], appliedMs: null, verifiedMs: null },
  };
}
