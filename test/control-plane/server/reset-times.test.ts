import { randomUUID } from 'node:crypto';
import type { InstanceId } from '#protocol';
import { expect, test } from 'vitest';
import { systemClock } from '../../../control-plane/server/runtime.ts';
import { ADMINISTRATOR, openCoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until } from '../../support/fake-agent.ts';

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
