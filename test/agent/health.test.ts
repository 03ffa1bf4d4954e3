import { describe, expect, test } from 'vitest';
import type { ComponentMap } from '#protocol';
import {
  forNewSession,
  judgeConnection,
  LOSS_WINDOW_MS,
  nextMessage,
  NO_REPORT,
  observe,
} from '../../agent/domain/health.ts';
import { believedNow, clockSkew, isSkewed } from '../../agent/domain/wall-clock.ts';
import { AgentWorld } from './support/agent-world.ts';
import { eventually } from './support/fake-wire.ts';

const OK = { state: 'ok' } as const;
const failing = (detail: string | null) => ({ state: 'failing', code: 'disk-low', detail }) as const;

describe('the report', () => {
  test('begins with everything, then says only what has changed, counting', () => {
    const [told, first] = nextMessage(observe(NO_REPORT, { disk: OK, clock: OK }), true);
    expect(first).toEqual({ sequence: 1, full: true, components: { disk: OK, clock: OK } });
    const [, second] = nextMessage(observe(told, { disk: failing('/var') }), false);
    expect(second).toEqual({ sequence: 2, full: false, components: { disk: failing('/var') } });
  });

  test('the latest wins: what came and went in between is never said', () => {
    const [told] = nextMessage(observe(NO_REPORT, { disk: OK }), true);
    const [same, message] = nextMessage(observe(observe(told, { disk: failing('x') }), { disk: OK }), false);
    expect([message, same.sequence]).toEqual([null, 1]);
  });

  test.each<[string, ComponentMap, ComponentMap, boolean]>([
    ['another detail is news', { disk: failing('/a') }, { disk: failing('/b') }, true],
    ['the same failure is not', { disk: failing('/a') }, { disk: failing('/a') }, false],
    ['a component that is new is', { disk: OK }, { clock: OK }, true],
  ])('%s', (_what, before, after, isNews) => {
    const [told] = nextMessage(observe(NO_REPORT, before), true);
    expect(nextMessage(observe(told, after), false)[1] !== null).toBe(isNews);
  });

  test('a new session starts from one, and is told all', () => {
    const [told] = nextMessage(observe(NO_REPORT, { disk: OK }), true);
    expect(nextMessage(forNewSession(told), true)[1]).toEqual({ sequence: 1, full: true, components: { disk: OK } });
  });
});

describe('a connection is unstable', () => {
  test.each<[string, number[], string]>([
    ['not after two losses', [1, 2], 'ok'],
    ['after three within five minutes', [1, 2, 3], 'failing'],
    ['not when the first has aged out', [-LOSS_WINDOW_MS, 1, 2], 'ok'],
  ])('%s', (_when, losses, state) => {
    expect(judgeConnection(losses, 3).state).toBe(state);
  });
});

describe('the wall clock', () => {
  const server = { serverMs: 1_000_000_000, monotonicMs: 500 };
  const MINUTE_MS = 60_000;
  const at = (aheadMs: number, laterMs = 0) => ({
    wallMs: server.serverMs + laterMs + aheadMs,
    monotonicMs: server.monotonicMs + laterMs,
  });

  test.each([
    [0, false],
    [5 * MINUTE_MS, false],
    [5 * MINUTE_MS + 1, true],
    [-5 * MINUTE_MS - 1, true],
  ])('%i ms ahead is wrong: %s', (aheadMs, wrong) => {
    expect(isSkewed(clockSkew(at(aheadMs, 3 * MINUTE_MS), server))).toBe(wrong);
  });

  test('is believed while it is right; else the control plane’s is, in whole milliseconds', () => {
    expect(believedNow(at(MINUTE_MS), server)).toBe(server.serverMs + MINUTE_MS);
    expect(believedNow({ wallMs: 0, monotonicMs: 1_500.75 }, server)).toBe(server.serverMs + 1_000);
    expect(believedNow({ wallMs: 7, monotonicMs: 0 }, null)).toBe(7);
  });

  test('that is days off is reported, and blocks no reset', async () => {
    const world = await AgentWorld.started();
    const session = await world.connect(world.clock.now() - 3 * 24 * 3_600_000);
    const [first] = session.line.frames('health');
    expect(first?.components.clock).toMatchObject({ code: 'clock-skewed', detail: '4320 minutes ahead' });
    const order = await world.order(session, { notAfter: world.clock.now() - 3 * 24 * 3_600_000 + 60_000 });
    await world.send(session, order);
    expect(await world.result(session, order.taskId)).toMatchObject({ state: 'succeeded' });
  });
});

describe('an agent', () => {
  test('tells a change as soon as it is seen, and only that', async () => {
    const world = await AgentWorld.started();
    const { line } = await world.connect();
    world.instance.components = { 'account-database': { ...failing('/etc'), code: 'account-database-read-only' } };
    for (let turn = 0; turn < 3; turn += 1) {
      world.clock.advance(10_000);
      line.say({ type: 'liveness-challenge', challenge: 'A'.repeat(43) as never });
    }
    await eventually(() => line.frames('health').length === 2);
    expect(line.frames('health')[1]).toMatchObject({ sequence: 2, full: false });
    expect(Object.keys(line.frames('health')[1]?.components ?? {})).toEqual(['account-database']);
  });

  test('publishes what it does, for `status`', async () => {
    const world = await AgentWorld.started();
    await world.connect();
    const states = world.published.map(({ state }) => state);
    expect(states.filter((state, at) => state !== states[at - 1])).toEqual(['starting', 'connecting', 'connected']);
    await world.agent.stop('agent-stopping');
    expect(world.published.at(-1)).toMatchObject({ state: 'stopping', unacknowledgedResults: 0 });
  });
});
