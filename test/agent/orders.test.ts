import { describe, expect, test } from 'vitest';
import { fromBase64Url, signBytes, type Order, type Signed } from '#protocol';
import { newSigner } from '../support/keys.ts';
import { AgentWorld, type LiveSession } from './support/agent-world.ts';
import { entryOf, newInstanceId, newNonce, scriptBy } from './support/control-plane.ts';
import { eventually } from './support/fake-wire.ts';

interface Scene {
  readonly world: AgentWorld;
  readonly session: LiveSession;
}

async function scene(): Promise<Scene> {
  const world = await AgentWorld.started();
  return { world, session: await world.connect() };
}

/** Another of the same form. */
const other = (): never => newNonce() as never;

/** Signs the order as told and hands it over; resolves to what became of it. */
async function fate({ world, session }: Scene, change: Partial<Order>): Promise<string> {
  const order = await world.order(session, change);
  await world.send(session, order);
  const [refusal] = world.refusals(session.line);
  if (refusal !== undefined) return `refused: ${refusal}`;
  const { state, code } = await world.result(session, order.taskId);
  return `${state}: ${code ?? 'proven'}`;
}

describe('an order is carried out only if', () => {
  test('everything about it is right', async () => {
    const it = await scene();
    expect(await fate(it, {})).toBe('succeeded: proven');
    expect(it.world.instance.runs).toHaveLength(1);
  });

  test.each<[string, (it: Scene) => Partial<Order>, string]>([
    ['it is for this instance', () => ({ instanceId: newInstanceId() }), 'refused: order-other-instance'],
    ['it is for this identity', () => ({ identity: other() }), 'refused: order-other-instance'],
    ['it is for this session', () => ({ sessionBinding: other() }), 'refused: order-other-session'],
    ['the client’s limit is not past', ({ world }) => ({ notAfter: world.clock.now() - 1 }), 'failed: reset-expired'],
    ['it names the script that comes along', () => ({ scriptDigest: other() }), 'failed: script-unknown'],
  ])('%s', async (_promise, change, expected) => {
    const it = await scene();
    expect(await fate(it, change(it))).toBe(expected);
    expect(it.world.instance.runs).toEqual([]);
  });

  test('its signature is that of its bytes', async () => {
    const { world, session } = await scene();
    const frame = await world.controlPlane.frameOf(await world.order(session));
    const elsewhere = await world.controlPlane.frameOf(await world.order(session));
    session.line.say({ ...frame, order: { ...frame.order, signature: elsewhere.order.signature } });
    await world.barrier(session);
    expect(world.refusals(session.line)).toEqual(['order-bad-signature']);
  });

  test('its key is known', async () => {
    const { world, session } = await scene();
    session.line.say(await world.controlPlane.frameOf(await world.order(session), await newSigner()));
    await world.barrier(session);
    expect(world.refusals(session.line)).toEqual(['order-unknown-key']);
  });

  test('its key is one for orders', async () => {
    const { world, session } = await scene();
    session.line.say(await world.controlPlane.frameOf(await world.order(session), world.controlPlane.scriptKey));
    await world.barrier(session);
    expect(world.refusals(session.line)).toEqual(['order-wrong-key-role']);
  });

  test('its key is not revoked', async () => {
    const { world, session } = await scene();
    const { scriptKey, orderKey } = world.controlPlane;
    const keys = [entryOf(scriptKey, 'script'), entryOf(orderKey, 'order', 'revoked')];
    session.line.say({ type: 'key-set', keySet: await world.controlPlane.nextKeySet({ keys }) });
    await world.send(session, await world.order(session));
    expect(world.refusals(session.line)).toEqual(['order-revoked-key']);
  });

  test('its signature was made for an order', async () => {
    const { world, session } = await scene();
    const { order, script } = await world.controlPlane.frameOf(await world.order(session));
    const misused = await signBytes(world.controlPlane.orderKey, 'session-server', fromBase64Url(order.bytes));
    session.line.say({ type: 'order', order: misused, script });
    await world.barrier(session);
    expect(world.refusals(session.line)).toEqual(['order-bad-signature']);
  });

  test('its signed bytes are an order, field by field', async () => {
    const { world, session } = await scene();
    await world.send(session, { ...(await world.order(session)), also: 1 });
    expect(world.refusals(session.line)).toEqual(['order-malformed']);
  });

  test('its script was not withdrawn by a key set since', async () => {
    const { world, session } = await scene();
    session.line.say({
      type: 'key-set',
      keySet: await world.controlPlane.nextKeySet({ scriptVersionsMin: { 'reset-linux': 2 } }),
    });
    await world.barrier(session);
    const old = await world.order(session);
    session.line.say(await world.controlPlane.frameOf(old));
    expect(await world.result(session, old.taskId)).toMatchObject({ state: 'failed', code: 'script-withdrawn' });
    expect(world.instance.runs).toEqual([]);
    const newer = await world.order(session);
    const script = await scriptBy(world.controlPlane.scriptKey, { version: 2 });
    session.line.say(await world.controlPlane.frameOf(newer, world.controlPlane.orderKey, script));
    expect(await world.result(session, newer.taskId)).toMatchObject({ state: 'succeeded' });
  });

  test.each<[string, (world: AgentWorld) => Promise<Signed>, string]>([
    ['a key that is not known', async () => (await scriptBy(await newSigner())).statement, 'script-unknown'],
    ['an order key', async ({ controlPlane }) => (await scriptBy(controlPlane.orderKey)).statement, 'script-unknown'],
    [
      'the script key, for another system',
      async ({ controlPlane }) =>
        (await scriptBy(controlPlane.scriptKey, { os: 'windows', name: 'reset-windows' })).statement,
      'os-unsupported',
    ],
    [
      'the script key, for other bytes',
      async ({ controlPlane }) => (await scriptBy(controlPlane.scriptKey, { digest: newNonce() })).statement,
      'script-unknown',
    ],
  ])('its script is not signed by %s', async (_who, statementBy, code) => {
    const { world, session } = await scene();
    const order = await world.order(session);
    const script = { ...world.controlPlane.script, statement: await statementBy(world) };
    session.line.say(await world.controlPlane.frameOf(order, world.controlPlane.orderKey, script));
    expect(await world.result(session, order.taskId)).toMatchObject({ state: 'failed', code });
    expect(world.instance.runs).toEqual([]);
  });
});

describe('the age of an order', () => {
  test('is counted within the session by a clock that nobody can set', async () => {
    const { world, session } = await scene();
    const order = await world.order(session, { sessionAgeMs: 0, lifetimeMs: 30_000 });
    // Heard from meanwhile, so that the session is not given up.
    world.clock.advance(20_000);
    await world.barrier(session);
    world.clock.advance(10_001);
    await world.send(session, order);
    expect(await world.result(session, order.taskId)).toMatchObject({ state: 'failed', code: 'order-expired' });
    expect(world.instance.runs).toEqual([]);
  });

  test('is not stretched by an age of the session that is a lie', async () => {
    const { world, session } = await scene();
    const release = world.instance.hold();
    const first = await world.order(session);
    await world.send(session, first);
    const second = await world.order(session, { generation: 2, sessionAgeMs: 3_600_000, lifetimeMs: 10_000 });
    await world.send(session, second);
    world.clock.advance(10_001);
    release();
    expect(await world.result(session, second.taskId)).toMatchObject({ state: 'failed', code: 'order-expired' });
    expect(world.instance.runs).toHaveLength(1);
  });
});

describe('generations', () => {
  test.each([
    ['at', 5],
    ['below', 4],
  ])('%s the last applied are refused', async (_where, generation) => {
    const { world, session } = await scene();
    const newer = await world.order(session, { generation: 5 });
    await world.send(session, newer);
    await world.result(session, newer.taskId);
    const stale = await world.order(session, { generation });
    await world.send(session, stale);
    expect(await world.result(session, stale.taskId)).toMatchObject({ state: 'failed', code: 'generation-stale' });
    expect(world.instance.runs).toHaveLength(1);
  });

  test('of one account say nothing about another', async () => {
    const { world, session } = await scene();
    const first = await world.order(session, { generation: 5 });
    await world.send(session, first);
    await world.result(session, first.taskId);
    const bob = await world.order(session, { account: 'bob' as Order['account'], generation: 1 });
    await world.send(session, bob);
    expect(await world.result(session, bob.taskId)).toMatchObject({ state: 'succeeded' });
  });

  test('an order that waits is overtaken by a newer one', async () => {
    const { world, session } = await scene();
    const release = world.instance.hold();
    const [running, waiting, newest] = [
      await world.order(session, { generation: 1 }),
      await world.order(session, { generation: 2 }),
      await world.order(session, { generation: 3 }),
    ];
    await world.send(session, running);
    await eventually(() => world.instance.runs.length === 1);
    for (const order of [waiting, newest]) await world.send(session, order);
    release();
    expect(await world.result(session, waiting.taskId)).toMatchObject({ state: 'failed', code: 'generation-stale' });
    expect(await world.result(session, newest.taskId)).toMatchObject({ state: 'succeeded' });
    expect(world.instance.runs).toHaveLength(2);
  });
});

describe('an order that comes again', () => {
  test('while it runs is said to run, and runs once', async () => {
    const { world, session } = await scene();
    const release = world.instance.hold();
    const order = await world.order(session);
    await world.send(session, order);
    await world.send(session, order);
    expect(world.refusals(session.line)).toEqual([]);
    release();
    await world.result(session, order.taskId);
    expect(world.instance.runs).toHaveLength(1);
    expect(session.line.frames('task-progress').at(-1)).toMatchObject({ taskId: order.taskId, state: 'running' });
  });

  test('after its end is answered by the same signed result', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    await world.send(session, order);
    await world.result(session, order.taskId);
    await world.send(session, order);
    await eventually(() => session.line.frames('result').length === 2);
    const [first, second] = session.line.frames('result');
    expect(second).toEqual(first);
    expect(world.instance.runs).toHaveLength(1);
  });

  test('after its end was acknowledged is refused, not run', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    await world.send(session, order);
    await world.result(session, order.taskId);
    world.say(session, { type: 'result-ack', taskId: order.taskId });
    await eventually(() => world.agent.status().unacknowledgedResults === 0);
    await world.send(session, order);
    expect(world.refusals(session.line)).toEqual(['reset-id-reused']);
    expect(world.instance.runs).toHaveLength(1);
  });

  test('a day later, from a control plane that says it is still the first day, is refused, not run', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    await world.send(session, order);
    await world.result(session, order.taskId);
    world.say(session, { type: 'result-ack', taskId: order.taskId });
    await eventually(() => world.agent.status().unacknowledgedResults === 0);
    world.clock.advance(30 * 3_600_000);
    await world.restart();
    const later = await world.connect(order.notAfter - 60_000);
    const { resetId, sealed, notAfter } = order;
    await world.send(later, await world.order(later, { resetId, sealed, notAfter, generation: 2 }));
    expect(world.refusals(later.line)).toEqual(['reset-id-reused']);
    expect(world.instance.runs).toHaveLength(1);
  });

  test('under its task’s name with another password is refused', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    await world.send(session, order);
    await world.result(session, order.taskId);
    const { taskId, resetId } = order;
    await world.send(session, await world.order(session, { taskId, resetId }, 'Another-Horse-8'));
    expect(world.refusals(session.line)).toEqual(['reset-id-reused']);
  });
});
