import type { ProgressEvent, Reset, TaskState } from '#protocol';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import { ADMINISTRATOR, openCoreWorld, type CoreWorld } from '../../support/core-world.ts';
import { until } from '../../support/fake-agent.ts';
import { openFleet, reconnectFleet } from '../../support/fleet.ts';
import { follow } from '../../support/progress.ts';

const show = (world: CoreWorld, { id }: Pick<Reset, 'id'>) => world.core.resets.get(ADMINISTRATOR, id);

async function statesOf(world: CoreWorld, { id }: Reset): Promise<Partial<Record<TaskState, number>>> {
  const { rows } = await world.store.read.tasks.ofReset(id, {}, { limit: 20_000, after: null });
  const states: Partial<Record<TaskState, number>> = {};
  for (const { state } of rows) states[state] = (states[state] ?? 0) + 1;
  return states;
}

/** Resolves once nothing that the reset could send would make a difference any more. */
async function quiet(world: CoreWorld): Promise<void> {
  await world.core.settled();
  await world.core.sweep.run();
  await world.core.settled();
}

test('1,000 tasks go 50 at a time, all arrive, and their events stay small', { timeout: 60_000 }, async () => {
  await using world = await openCoreWorld();
  const fleet = await openFleet(world, 1_000);
  const reset = await world.start(await world.plan({ targets: { instances: fleet.names } }));
  const seen = await follow(world, reset);
  expect(await show(world, reset)).toMatchObject({
    ...{ state: 'finished', inFlight: 0, concurrency: 50 },
    counts: { total: 1_000, succeeded: 1_000, failed: 0, blocked: 0, pending: 0 },
  });
  expect(fleet.orders).toBe(1_000);
  // Never more than may be; and as many, or the limit would starve it.
  expect(fleet.peak).toBeLessThanOrEqual(50);
  expect(fleet.peak).toBeGreaterThan(25);
  expect(seen.bytesMax).toBeLessThan(512 * 1024);
  expect(seen.perSecondMax).toBeLessThanOrEqual(11);
  expect(seen.states).toEqual(new Map(fleet.agents.map(({ identity }) => [identity.instanceId, 'succeeded'])));
  expect(world.failures).toEqual([]);
});

test('a limit of one is kept, and agents that are not there hold nobody up', async () => {
  await using world = await openCoreWorld();
  const fleet = await openFleet(world, 12);
  const plan = await world.plan({ targets: { instances: fleet.names }, concurrency: 1 });
  for (const agent of fleet.agents.slice(0, 6)) agent.drop();
  await until(async () => ((await world.store.read.instances.countsByState()).running === 6 ? true : null));
  const reset = await world.start(plan, { skipBlocked: true });
  await until(async () => ((await show(world, reset)).counts.succeeded === 6 ? true : null));
  expect(fleet.peak).toBe(1);
});

test('a paused reset sends nothing, across a restart too, and a resumed one sends the rest', async () => {
  await using store = Object.assign(await openSqliteStore({ path: ':memory:' }), {
    [Symbol.asyncDispose]: () => store.close(),
  });
  const before = await openCoreWorld({ store });
  const fleet = await openFleet(before, 20);
  fleet.close();
  const plan = await before.plan({ targets: { instances: fleet.names }, concurrency: 5 });
  const reset = await before.start(plan);
  await until(() => (fleet.holding === 5 ? true : null));
  expect(await before.core.resets.pause(ADMINISTRATOR, reset.id)).toMatchObject({ state: 'paused', inFlight: 5 });
  // What is with an instance comes to its end.
  fleet.open();
  await until(async () => ((await show(before, reset)).counts.succeeded === 5 ? true : null));
  await quiet(before);
  expect(fleet.orders).toBe(5);
  await before[Symbol.asyncDispose]();

  await using after = await openCoreWorld({ store });
  const back = await reconnectFleet(after, fleet);
  await quiet(after);
  expect(back.orders).toBe(0);
  expect(await show(after, reset)).toMatchObject({ state: 'paused', inFlight: 0, counts: { pending: 15 } });
  // Asked again, it is the same pause.
  const { pausedAt } = await show(after, reset);
  expect(await after.core.resets.pause(ADMINISTRATOR, reset.id)).toMatchObject({ pausedAt });
  expect(await after.core.resets.resume(ADMINISTRATOR, reset.id)).toMatchObject({ state: 'running', pausedAt: null });
  expect((await after.finished(reset)).counts).toMatchObject({ succeeded: 20, pending: 0 });
  expect(back.peak).toBeLessThanOrEqual(5);
  const { rows } = await store.read.audit.list({ resource: `reset:${reset.id}` }, { limit: 10, after: null });
  expect(rows.map(({ action }) => action)).toEqual(['reset.resume', 'reset.pause', 'reset.start']);
  await expect(after.core.resets.pause(ADMINISTRATOR, reset.id)).rejects.toMatchObject({ code: 'reset-finished' });
  expect([...before.failures, ...after.failures]).toEqual([]);
});

test('a fleet that comes back at once after a restart keeps to the limit, and every task arrives', async () => {
  await using store = Object.assign(await openSqliteStore({ path: ':memory:' }), {
    [Symbol.asyncDispose]: () => store.close(),
  });
  const before = await openCoreWorld({ store });
  const fleet = await openFleet(before, 24);
  fleet.close();
  const reset = await before.start(await before.plan({ targets: { instances: fleet.names }, concurrency: 3 }));
  await until(() => (fleet.holding === 3 ? true : null));
  await before[Symbol.asyncDispose]();

  await using after = await openCoreWorld({ store });
  // Those that had an order are sent it again; all others knock at the same time.
  const back = await reconnectFleet(after, fleet);
  expect((await after.finished(reset)).counts).toMatchObject({ succeeded: 24 });
  expect(back.orders).toBe(24);
  expect(back.peak).toBeLessThanOrEqual(3);
  expect([...before.failures, ...after.failures]).toEqual([]);
});

test('after so many failures what was not sent is cancelled, and the reset says so for good', async () => {
  await using world = await openCoreWorld();
  const fleet = await openFleet(world, 30);
  for (const agent of fleet.agents) agent.habits = { alive: true, result: 'failed' };
  const plan = await world.plan({ targets: { instances: fleet.names }, concurrency: 4, stopAfterFailures: 3 });
  const reset = await world.finished(await world.start(plan));
  await quiet(world);
  const states = await statesOf(world, reset);
  // What was with an instance when the third failed has come to its end.
  expect(states.failed).toBeGreaterThanOrEqual(3);
  expect(states.failed).toBeLessThanOrEqual(3 + 3);
  expect((states.failed ?? 0) + (states.cancelled ?? 0)).toBe(30);
  expect(fleet.orders).toBe(states.failed);
  expect(reset).toMatchObject({ state: 'stopped', stopAfterFailures: 3 });
  expect(reset.stoppedAt).not.toBeNull();
  const { items } = await world.core.resets.tasks(ADMINISTRATOR, reset.id, { limit: 100, state: 'cancelled' });
  expect(new Set(items.map(({ code }) => code))).toEqual(new Set(['stopped-after-failures']));
  const rows = await world.store.read.tasks.ofReset(reset.id, {}, { limit: 100, after: null });
  expect(rows.rows.filter(({ sealed }) => sealed !== null)).toEqual([]);
});

test('one that has stopped and is not through can be neither paused nor resumed', async () => {
  await using world = await openCoreWorld();
  const fleet = await openFleet(world, 6);
  for (const agent of fleet.agents) agent.habits = { alive: true, result: 'failed' };
  fleet.close();
  const plan = await world.plan({ targets: { instances: fleet.names }, concurrency: 3, stopAfterFailures: 1 });
  const reset = await world.start(plan);
  await until(() => (fleet.holding === 3 ? true : null));
  fleet.letOne();
  await until(async () => ((await show(world, reset)).counts.failed === 4 ? true : null));
  expect(await show(world, reset)).toMatchObject({ state: 'stopped', inFlight: 2, finishedAt: null });
  for (const hold of ['pause', 'resume'] as const) {
    await expect(world.core.resets[hold](ADMINISTRATOR, reset.id)).rejects.toMatchObject({ code: 'reset-stopped' });
  }
  fleet.open();
  expect(await world.finished(reset)).toMatchObject({ state: 'stopped', inFlight: 0 });
  expect(await statesOf(world, reset)).toEqual({ failed: 3, cancelled: 3 });
});

test('a paused reset can be cancelled: what was not sent goes, what was sent comes to its end', async () => {
  await using world = await openCoreWorld();
  const fleet = await openFleet(world, 10);
  fleet.close();
  const reset = await world.start(await world.plan({ targets: { instances: fleet.names }, concurrency: 2 }));
  await until(() => (fleet.holding === 2 ? true : null));
  await world.core.resets.pause(ADMINISTRATOR, reset.id);
  expect(await world.core.resets.cancel(ADMINISTRATOR, reset.id)).toEqual({ cancelled: 8, tooLate: 2 });
  fleet.open();
  const end = await world.finished(reset);
  expect(end).toMatchObject({ state: 'finished', counts: { succeeded: 2, failed: 8 } });
  expect(await statesOf(world, reset)).toEqual({ succeeded: 2, cancelled: 8 });
  expect(fleet.orders).toBe(2);
});

test('a retry is shown on both, and counts for no other', async () => {
  await using world = await openCoreWorld();
  const fleet = await openFleet(world, 3);
  for (const agent of fleet.agents.slice(0, 1)) agent.habits = { alive: true, result: 'failed' };
  const first = await world.finished(await world.start(await world.plan({ targets: { instances: fleet.names } })));
  expect(first.counts).toMatchObject({ succeeded: 2, failed: 1 });
  for (const agent of fleet.agents) agent.habits = { alive: true, result: 'succeeded' };
  const request = { targets: { instances: fleet.names.slice(0, 1) }, retryOf: first.id };
  const second = await world.finished(await world.start(await world.plan(request)));
  expect(second).toMatchObject({ retryOf: first.id, retriedBy: [], counts: { total: 1, succeeded: 1 } });
  expect(await show(world, first)).toMatchObject({ retryOf: null, retriedBy: [second.id] });
  // A plan that was never started is no retry yet; and nobody retries what he cannot see.
  await world.plan(request);
  expect((await show(world, first)).retriedBy).toEqual([second.id]);
  const stranger = { ...ADMINISTRATOR, tokenId: fleet.names[0] as never, projects: ['elsewhere' as never] };
  await expect(world.plan(request, stranger)).rejects.toMatchObject({ code: 'reset-not-found' });
});

test('a pause is told to who watches, though no task changes', async () => {
  await using world = await openCoreWorld();
  const fleet = await openFleet(world, 2);
  fleet.close();
  const reset = await world.start(await world.plan({ targets: { instances: fleet.names }, concurrency: 1 }));
  await until(() => (fleet.holding === 1 ? true : null));
  const states: ProgressEvent['state'][] = [];
  const abort = new AbortController();
  const watching = (async () => {
    for await (const { state } of world.core.resets.watch(ADMINISTRATOR, reset.id, abort.signal)) {
      if (states.at(-1) !== state) states.push(state);
      if (state === 'running' && states.length === 1) await world.core.resets.pause(ADMINISTRATOR, reset.id);
      if (state === 'paused') await world.core.resets.resume(ADMINISTRATOR, reset.id);
      if (state === 'running' && states.length === 3) fleet.open();
    }
  })();
  await watching;
  expect(states).toEqual(['running', 'paused', 'running', 'finished']);
});
