import { randomUUID } from 'node:crypto';
import type { InstanceId } from '#protocol';
import { expect, test } from 'vitest';
import { REASON_LASTS_MS } from '../../../control-plane/server/domain/agent-health.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { Store } from '../../../control-plane/server/store/store.ts';
import { openCoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until } from '../../support/fake-agent.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A store whose writes wait, once `hold` was called, until they are let go. */
async function openHeldStore() {
  const inner = await openSqliteStore({ path: ':memory:' });
  let held: Promise<void> = Promise.resolve();
  let waiting = 0;
  const store: Store = {
    ...inner,
    async transaction(work) {
      waiting += 1;
      await held;
      waiting -= 1;
      return inner.transaction(work);
    },
  };
  return {
    store,
    waiting: () => waiting,
    hold: (): (() => void) => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      held = promise.then(() => undefined);
      return () => {
        resolve(undefined);
      };
    },
  };
}

/** What a shutdown waits for is not over while `isOpen`; `release` ends it. */
async function expectWaitedFor(settled: Promise<void>, release: () => void): Promise<void> {
  let over = false;
  const done = settled.then(() => {
    over = true;
  });
  // Whatever does not wait for the store has had its turn by then.
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  release();
  await done;
}

test('a shutdown waits until it is recorded that somebody came with another protocol', async () => {
  const { store, hold, waiting } = await openHeldStore();
  const world = await openCoreWorld({ store });
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  const release = hold();
  const old = new FakeAgent(identity, world.core.accept);
  old.hello({ protocols: [999] });
  await until(() => (waiting() > 0 ? true : null));
  await world.core.drain();
  await expectWaitedFor(world.core.settled(), release);
  const instance = await store.read.instances.get(identity.instanceId);
  expect(instance?.reasons).toMatchObject([{ code: 'agent-version-unsupported' }]);
  await store.close();
});

test('a shutdown waits for what a reason of health that has lasted brings about', async () => {
  const { store, hold, waiting } = await openHeldStore();
  const clock = new FakeClock(Date.now());
  const world = await openCoreWorld({ store, clock });
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  const agent = new FakeAgent(identity, world.core.accept);
  agent.components = { disk: { state: 'failing', code: 'disk-full', detail: null } };
  agent.hello();
  const stateOf = async () => (await store.read.instances.get(identity.instanceId))?.agentState;
  await until(async () => ((await stateOf()) === 'running' ? true : null));
  await world.core.settled();
  const release = hold();
  clock.advance(REASON_LASTS_MS);
  await until(() => (waiting() > 0 ? true : null));
  await expectWaitedFor(world.core.settled(), release);
  expect(await stateOf()).toBe('abnormal');
  await world[Symbol.asyncDispose]();
  await store.close();
});
