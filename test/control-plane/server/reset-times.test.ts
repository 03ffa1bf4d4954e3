import { randomUUID } from 'node:crypto';
import { fromBase64Url, Order, parseJsonBytes, type InstanceId } from '#protocol';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../control-plane/server/runtime.ts';
import { ADMINISTRATOR, openCoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until } from '../../support/fake-agent.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('the time of a reset includes what passed between the decision to dispatch it and its departure', async () => {
  let now = systemClock.now();
  // It goes on whenever somebody looks at it, so that no two moments are the same.
  const clock = { ...systemClock, now: () => (now += 1) };
  await using world = await openCoreWorld({ clock });
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  const agent = new FakeAgent(identity, (connection) => world.core.accept(connection));
  agent.hello();
  await until(async () => {
    const instance = await world.store.read.instances.get(identity.instanceId);
    return instance?.agentState === 'running' ? true : null;
  });
  const reset = await world.finished(await world.start(await world.plan({ targets: { instances: ['one'] } })));
  const [task] = (await world.core.resets.tasks(ADMINISTRATOR, reset.id, { limit: 1 })).items;
  if (task === undefined) throw new Error('the reset has no task');
  const row = await world.store.read.tasks.get(task.id);
  const { appliedMs = null, verifiedMs = null, dispatchedAt = null, requestedAt = 0 } = row ?? {};
  if (appliedMs === null || dispatchedAt === null) throw new Error('it was not applied');
  // The fake says 1 and 2 ms, counted from the order's arrival, which comes after its departure.
  expect(appliedMs).toBeGreaterThan(dispatchedAt - requestedAt + 1);
  expect(verifiedMs).toBe(appliedMs + 1);
});

describe('an order that is sent again in a later session', () => {
  const MINUTE_MS = 60_000;
  /** Shorter than the time after which the control plane asks for a sign of life. */
  const MOMENT_MS = 4_000;

  /** The times of a reset whose first session ends; `holds`: whether the instance says that it has the order. */
  async function timesOf(holds: boolean) {
    const clock = new FakeClock(Date.now());
    await using world = await openCoreWorld({ clock });
    const identity = await newIdentity(randomUUID() as InstanceId);
    await world.enrol('one', identity);
    const isState = async (state: string) =>
      (await world.store.read.instances.get(identity.instanceId))?.agentState === state ? true : null;
    const connect = () =>
      new FakeAgent(identity, (connection) => world.core.accept(connection), { alive: true, result: 'none' });
    const first = connect();
    first.hello();
    await until(() => isState('running'));
    await world.start(await world.plan({ targets: { instances: ['one'] } }));
    const order = parseJsonBytes(Order, fromBase64Url((await first.frame('order')).order.bytes));
    if (!order.ok) throw new Error('bad order');
    const { taskId } = order.body;
    const stateOf = async () => (await world.store.read.tasks.get(taskId))?.state;
    if (holds) first.send({ type: 'task-progress', taskId, state: 'accepted' });
    if (holds) await until(async () => ((await stateOf()) === 'accepted' ? true : null));
    first.drop();
    await until(() => isState('offline'));

    clock.advance(MINUTE_MS);
    const second = connect();
    second.hello();
    await second.frame('order');
    clock.advance(MOMENT_MS);
    second.habits = { alive: true, result: 'succeeded' };
    await second.report(order.body, { appliedMs: MINUTE_MS + 5, verifiedMs: 10 * MINUTE_MS });
    await until(async () => ((await stateOf()) === 'succeeded' ? true : null));
    const task = await world.store.read.tasks.get(taskId);
    return { appliedMs: task?.appliedMs, verifiedMs: task?.verifiedMs };
  }

  test('does not move the times of the one that the instance took', async () => {
    expect(await timesOf(true)).toMatchObject({ appliedMs: MINUTE_MS + 5 });
  });

  test('is the one that counts, if the instance had none before', async () => {
    expect(await timesOf(false)).toMatchObject({ appliedMs: MINUTE_MS + MOMENT_MS });
  });

  test('gives no time that lies after the word of it', async () => {
    expect(await timesOf(true)).toMatchObject({ verifiedMs: MINUTE_MS + MOMENT_MS });
  });
});
