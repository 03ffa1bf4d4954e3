import { describe, expect, test } from 'vitest';
import { LIVENESS_DEADLINE_MS, LIVENESS_INTERVAL_MS, SERVER_SILENCE_MS_MAX } from '#protocol';
import { createLiveness, type Liveness } from '../../control-plane/server/gateway/liveness.ts';
import { systemRandom } from '../../control-plane/server/runtime.ts';
import { AgentWorld, type LiveSession } from './support/agent-world.ts';

interface BothSides {
  readonly world: AgentWorld;
  readonly session: LiveSession;
  readonly liveness: Liveness;
  /** What gets through; a test sets it. */
  readonly network: { toAgent: boolean; toServer: boolean };
  readonly missed: number[];
}

/** The agent and the control plane's half of liveness, over a network that may swallow what is sent without a word. */
async function bothSides(): Promise<BothSides> {
  const world = await AgentWorld.started();
  const session = await world.connect();
  const network = { toAgent: true, toServer: true };
  const missed: number[] = [];
  const start = world.clock.now();
  const liveness = createLiveness({
    clock: world.clock,
    random: systemRandom,
    onMissed: () => missed.push(world.clock.now() - start),
    send: (challenge) => {
      if (!network.toAgent) return;
      session.line.say({ type: 'liveness-challenge', challenge });
      const answer = session.line.frames('liveness-answer').at(-1);
      if (network.toServer && answer !== undefined) liveness.answered(answer.challenge);
    },
  });
  return { world, session, liveness, network, missed };
}

describe('a session over a network', () => {
  test('that works lasts', async () => {
    const { world, session, missed } = await bothSides();
    world.clock.advance(10 * 60_000);
    expect([missed, session.line.closed]).toEqual([[], null]);
    expect(session.line.frames('liveness-answer')).toHaveLength(Math.floor((10 * 60_000) / LIVENESS_INTERVAL_MS));
  });

  test('that swallows everything is given up by both within half a minute', async () => {
    const { world, session, network, missed, liveness } = await bothSides();
    Object.assign(network, { toAgent: false, toServer: false });
    world.clock.advance(SERVER_SILENCE_MS_MAX);
    expect(missed).toEqual([LIVENESS_INTERVAL_MS + LIVENESS_DEADLINE_MS]);
    expect(session.line.closed).not.toBeNull();
    liveness.stop();
  });

  test('that swallows only answers is given up by the control plane, which then tells the agent', async () => {
    const { world, session, network, missed } = await bothSides();
    network.toServer = false;
    world.clock.advance(LIVENESS_INTERVAL_MS + LIVENESS_DEADLINE_MS);
    expect([missed.length, session.line.closed]).toEqual([1, null]);
    session.line.drop(4504);
    expect(world.agent.status()).toMatchObject({ state: 'waiting', lastLoss: 'liveness-missed' });
  });

  test('answers a question at any moment, and no old answer counts for a new one', async () => {
    const { liveness, network, session } = await bothSides();
    expect(await liveness.ask()).toBe(true);
    network.toServer = false;
    const asked = liveness.ask();
    const late = session.line.frames('liveness-answer').at(-1)?.challenge;
    network.toServer = true;
    const anew = liveness.askAnew();
    expect(late !== undefined && liveness.answered(late)).toBe(false);
    expect(await Promise.all([asked, anew])).toEqual([true, true]);
  });
});
