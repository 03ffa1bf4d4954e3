import { expect, test } from 'vitest';
import { systemClock } from '../../../control-plane/server/runtime.ts';
import type { Clock } from '../../../control-plane/server/service/ports.ts';
import { ADMINISTRATOR, openCoreWorld } from '../../support/core-world.ts';
import { openFleet } from '../../support/fleet.ts';
import { follow } from '../../support/progress.ts';

/** Ten thousand agents in the process that serves them take long for an answer, and are not frozen for that. */
const patient: Clock = {
  ...systemClock,
  after: (delayMs, run) => systemClock.after(delayMs >= 5_000 ? delayMs * 12 : delayMs, run),
};

test('10,000 tasks go 200 at a time, all arrive, and their events stay small', async () => {
  await using world = await openCoreWorld({ clock: patient });
  const fleet = await openFleet(world, 10_000);
  const plan = await world.plan({ targets: { instances: fleet.names }, concurrency: 200 });
  const started = performance.now();
  const reset = await world.start(plan, { notAfter: Date.now() + 60 * 60_000 });
  const seen = await follow(world, reset);
  const seconds = (performance.now() - started) / 1_000;
  console.log(`10,000 tasks, sealed here and carried out: ${seconds.toFixed(1)} s, ${seen.events} events,`);
  console.log(`the largest ${seen.bytesMax} bytes, at most ${seen.perSecondMax} a second, ${fleet.peak} at once`);
  expect(await world.core.resets.get(ADMINISTRATOR, reset.id)).toMatchObject({
    ...{ state: 'finished', inFlight: 0 },
    counts: { total: 10_000, succeeded: 10_000, failed: 0, blocked: 0, pending: 0 },
  });
  expect(fleet.orders).toBe(10_000);
  expect(fleet.peak).toBeLessThanOrEqual(200);
  expect(fleet.peak).toBeGreaterThan(50);
  expect(seen.bytesMax).toBeLessThan(512 * 1024);
  expect(seen.perSecondMax).toBeLessThanOrEqual(11);
  expect(seen.states).toEqual(new Map(fleet.agents.map(({ identity }) => [identity.instanceId, 'succeeded'])));
  expect(world.failures).toEqual([]);
});

test('10,000 tasks of which one fails are stopped in a moment, and none of the others is sent', async () => {
  await using world = await openCoreWorld({ clock: patient });
  const fleet = await openFleet(world, 10_000);
  for (const agent of fleet.agents) agent.habits = { alive: true, result: 'failed' };
  const plan = await world.plan({ targets: { instances: fleet.names }, concurrency: 1, stopAfterFailures: 1 });
  const reset = await world.finished(await world.start(plan, { notAfter: Date.now() + 60 * 60_000 }));
  expect(reset).toMatchObject({ state: 'stopped', counts: { total: 10_000, failed: 10_000 } });
  expect(fleet.orders).toBe(1);
  expect(world.failures).toEqual([]);
});
