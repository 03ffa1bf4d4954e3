import { afterAll, beforeAll, describe, test } from 'vitest';
import { FROZEN_MS_MAX, openHealthWorld, UNIT, type Ailment, type HealthWorld } from './health-world.ts';

/** Agents that are silent, cut off, or speak another language: none passes for one that could reset a password. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

describe.concurrent('an agent that cannot answer is offline, blocks resets, and is well again once it can', () => {
  test('one that is frozen, whether anybody asks or not', async () => {
    const host = await health.host('frozen');
    const ailment: Omit<Ailment, 'what'> = {
      breakIt: () => host.freeze(UNIT),
      mend: () => host.thaw(UNIT),
      ...{ state: 'offline', code: 'liveness-missed', noticedMsMax: FROZEN_MS_MAX },
    };
    await health.suffer(host, { ...ailment, what: 'agent stopped by SIGSTOP, nobody asks' });
    await health.suffer(host, {
      ...ailment,
      what: 'agent stopped by SIGSTOP, a reset is tried',
      atOnce: { state: 'blocked', code: 'agent-not-responding' },
    });
  });

  test('one whose network is gone, without a word', async () => {
    const host = await health.host('cut');
    // Off the bridge: the link stays up on both sides, and every frame is lost.
    const link = ['ip', 'link', 'set', 'vb-cut'] as const;
    const inFabric = (...words: readonly string[]) => health.world.fabric.exec([...link, ...words]);
    const ailment: Omit<Ailment, 'what'> = {
      breakIt: () => inFabric('nomaster'),
      mend: () => inFabric('master', 'br0'),
      ...{ state: 'offline', code: 'liveness-missed', noticedMsMax: FROZEN_MS_MAX },
    };
    await health.suffer(host, { ...ailment, what: 'network cut without FIN, nobody asks' });
  });
});
