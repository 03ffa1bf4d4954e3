import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLOCKS, giveClock, isSkewed, reset, setClock, skewOf } from './wrong-clock.ts';
import { ACCOUNT, isWell, openHealthWorld, UNIT, type HealthWorld } from './health-world.ts';

/** Clocks that go wrong while an agent runs, and right again. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

describe.concurrent('a clock that is wrong blocks no reset, and is told', () => {
  test.each(CLOCKS)(
    'on %s, %s: while the agent runs, at its start, and until it is right again',
    async (id, what, ahead) => {
      const host = await health.host(`clock-${id}`);
      await giveClock(host, 0);
      await host.must(['systemctl', 'restart', UNIT]);
      await health.shown(host.name, 'the right clock', isWell);
      const brokenAt = Date.now();
      await setClock(host, ahead());
      expect(Math.abs((await skewOf(host)) - ahead())).toBeLessThan(60);
      const seen = await health.shown(host.name, what, isSkewed);
      const noticedMs = Date.now() - brokenAt;
      expect(seen.reasons).toHaveLength(1);
      let password = await reset(health, host, ACCOUNT.password);
      await host.must(['systemctl', 'restart', UNIT]);
      await health.shown(host.name, `${what}, at its start`, isSkewed);
      password = await reset(health, host, password);
      const mendedAt = Date.now();
      await setClock(host, 0);
      await health.shown(host.name, 'its right clock', isWell);
      health.note(`clock ${what}`, 'clock-skewed (advice)', noticedMs, Date.now() - mendedAt);
      await reset(health, host, password);
      expect(health.history(host.name)).not.toContain('abnormal');
    },
  );
});
