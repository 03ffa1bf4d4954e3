import { randomUUID } from 'node:crypto';
import type { InstanceId, ProgressEvent, TaskState } from '#protocol';
import { expect, test } from 'vitest';
import { createInProcessBus } from '../../../control-plane/server/bus/bus.ts';
import { watchReset } from '../../../control-plane/server/service/resets/watch.ts';
import { openCoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until } from '../../support/fake-agent.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Longer than what shares an event. */
const A_WHILE_MS = 100;

/** A reset whose one task is with its instance, watched by a clock that stands still. */
async function watchedReset() {
  const world = await openCoreWorld();
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  const agent = new FakeAgent(identity, (connection) => world.core.accept(connection), { alive: true, result: 'none' });
  agent.hello();
  await until(async () => {
    const instance = await world.store.read.instances.get(identity.instanceId);
    return instance?.agentState === 'running' ? true : null;
  });
  const reset = await world.start(await world.plan({ targets: { instances: ['one'] } }));
  await agent.frame('order');
  const [task] = (await world.store.read.tasks.ofReset(reset.id, {}, { limit: 1, after: null })).rows;
  if (task === undefined) throw new Error('the reset has no task');

  const clock = new FakeClock();
  const bus = createInProcessBus();
  const abort = new AbortController();
  const events: ProgressEvent[] = [];
  const ended = (async () => {
    for await (const event of watchReset({ store: world.store, bus, clock }, reset.id, abort.signal))
      events.push(event);
  })();
  const states = () => events.map((event) => event.tasks.map(({ state }) => state).join());
  await until(() => (events.length === 1 ? true : null));
  return {
    clock,
    ended,
    states,
    async change(from: TaskState, to: TaskState) {
      await world.store.transaction((tx) => tx.tasks.update(task.id, from, { state: to, updatedAt: clock.now() }));
      bus.changed(reset.id, [task.id]);
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await ended;
      await world[Symbol.asyncDispose]();
    },
  };
}

test('the last word of a reset is told at once, not held back for company', async () => {
  await using watched = await watchedReset();
  expect(watched.states()).toEqual(['dispatched']);
  watched.clock.advance(A_WHILE_MS);
  await watched.change('dispatched', 'succeeded');
  // No time passes, and yet the stream comes to its end.
  await watched.ended;
  expect(watched.states()).toEqual(['dispatched', 'succeeded']);
});

test('changes that come close together share an event', async () => {
  await using watched = await watchedReset();
  await watched.change('dispatched', 'accepted');
  await watched.change('accepted', 'running');
  expect(watched.states()).toEqual(['dispatched']);
  watched.clock.advance(A_WHILE_MS);
  await until(() => (watched.states().length === 2 ? true : null));
  expect(watched.states()).toEqual(['dispatched', 'running']);
});
