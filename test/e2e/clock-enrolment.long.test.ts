import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootHost } from '../support/hosts/host.ts';
import { CLOCKS, giveClock, isSkewed, reset } from './wrong-clock.ts';
import { ACCOUNT, openHealthWorld, type HealthWorld } from './health-world.ts';

/** Instances whose clock never was right: their certificates, keys and sessions are new to them, or long over. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

describe.concurrent('an instance is enrolled, and its passwords are reset', () => {
  test.each(CLOCKS)('with its clock at %s from the beginning', async (id, what, ahead) => {
    const { world } = health;
    const host = await bootHost(world.fabric, { name: `new-${id}`, accounts: [ACCOUNT] });
    await giveClock(host, ahead());
    await world.install(host);
    const shown = await health.shown(host.name, what, isSkewed);
    expect(shown.state).toBe('running');
    await reset(health, host, ACCOUNT.password);
  });
});
