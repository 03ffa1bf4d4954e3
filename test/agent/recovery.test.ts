import { describe, expect, test } from 'vitest';
import { fromBase64Url, openSigned, TaskResult, type Order, type Signed } from '#protocol';
import { verifySignature } from '../../agent/node/crypto.ts';
import { AgentWorld, type LiveSession } from './support/agent-world.ts';
import { PROVEN } from './support/fake-instance.ts';
import { eventually } from './support/fake-wire.ts';
import type { WriteFate } from './support/memory-storage.ts';

/** A world whose agent has come up and connected; the writes of a reset begin after those that this took. */
async function scene(): Promise<{ world: AgentWorld; session: LiveSession; writesBefore: number }> {
  const world = await AgentWorld.started();
  const session = await world.connect();
  return { world, session, writesBefore: world.storage.writes.length };
}

/** The order again, as a control plane delivers it in a new session until it hears a result. */
async function deliverAgain(world: AgentWorld, old: Order): Promise<{ session: LiveSession; result: TaskResult }> {
  const session = await world.connect();
  const { taskId, resetId, generation, sealed, notAfter } = old;
  const order = await world.order(session, { taskId, resetId, generation, sealed, notAfter });
  const told = () => world.results(session.line).find((result) => result.taskId === taskId);
  if (told() === undefined) session.line.say(await world.controlPlane.frameOf(order));
  const refused = () => world.refusals(session.line).length > 0;
  await eventually(() => told() !== undefined || refused());
  expect(world.refusals(session.line)).toEqual([]);
  return { session, result: await world.result(session, taskId) };
}

/** All results that the instance ever signed about a task, over all its lives. */
function collectResults(lines: readonly { frames(type: 'result'): { result: Signed }[] }[]): string[] {
  return lines.flatMap((line) =>
    line.frames('result').map(({ result }) => Buffer.from(fromBase64Url(result.bytes)).toString()),
  );
}

describe('a crash at any write of a reset', () => {
  const fates: WriteFate[] = ['crash-before', 'crash-torn', 'crash-after'];
  const cases = [1, 2, 3, 4].flatMap((write) => fates.map((fate) => ({ write, fate })));

  test.each(cases)('number $write, $fate: one word in the end, true and the same', async ({ write, fate }) => {
    const { world, session, writesBefore } = await scene();
    world.storage.fate = ({ number }) => (number === writesBefore + write ? fate : 'pass');
    const order = await world.order(session);
    session.line.say(await world.controlPlane.frameOf(order));
    // The acknowledgement and the compaction after it are writes, too.
    const first = await Promise.race([world.result(session, order.taskId), world.storage.crash]);
    if (first !== undefined) session.line.say({ type: 'result-ack', taskId: order.taskId });
    while (!world.storage.crashed) {
      world.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await world.restart();
    const runsBefore = world.instance.runs.length;

    if (first === undefined) {
      const { result } = await deliverAgain(world, order);
      expect(result).toMatchObject({ state: 'succeeded', verifiedBy: 'login' });
    } else {
      // It was reported: whatever the crash took, nothing is run again and no other word is said.
      const again = await world.connect();
      await world.barrier(again);
      expect(collectResults([again.line]).every((text) => text === JSON.stringify(first))).toBe(true);
      expect(world.instance.runs).toHaveLength(runsBefore);
    }
    expect(world.instance.runs.length).toBeGreaterThan(0);
  });

  test('after the script was begun and out of time is "not known", never "failed" or "succeeded"', async () => {
    const { world, session } = await scene();
    world.instance.hold();
    const order = await world.order(session, { lifetimeMs: 5_000 });
    await world.send(session, order);
    await eventually(() => world.instance.runs.length === 1);
    world.crash();
    world.clock.advance(5_001);
    await world.agent.start();
    const { result } = await deliverAgain(world, order);
    expect(result).toMatchObject({ state: 'outcome-unknown', code: 'interrupted', verifiedBy: null });
    expect(world.instance.runs).toHaveLength(1);
  });

  test('in another boot: an order that was begun is not run again, since its age is not known', async () => {
    const { world, session } = await scene();
    world.instance.hold();
    const order = await world.order(session);
    await world.send(session, order);
    await eventually(() => world.instance.runs.length === 1);
    world.instance.bootId = 'boot-2';
    await world.restart();
    const { result } = await deliverAgain(world, order);
    expect(result).toMatchObject({ state: 'outcome-unknown', code: 'interrupted' });
  });

  test('then a second run that fails does not deny the first', async () => {
    const { world, session } = await scene();
    world.instance.hold();
    const order = await world.order(session);
    await world.send(session, order);
    await eventually(() => world.instance.runs.length === 1);
    world.crash();
    world.instance.onReset = () => ({ state: 'failed', code: 'disk-full', detail: '', warnings: [] });
    await world.agent.start();
    const { result } = await deliverAgain(world, order);
    expect(result).toMatchObject({ state: 'outcome-unknown', code: 'interrupted', detail: 'disk-full' });
  });

  test('an order that waited is run by the next process', async () => {
    const { world, session } = await scene();
    world.instance.hold();
    await world.send(session, await world.order(session));
    const waiting = await world.order(session, { account: 'bob' as Order['account'] });
    await world.send(session, waiting);
    world.crash();
    world.instance.onReset = () => PROVEN;
    await world.agent.start();
    await eventually(() => world.agent.status().unacknowledgedResults === 2);
    expect(world.instance.runs.at(-1)).toMatchObject({ account: 'bob' });
  });

  test('an order whose key was revoked meanwhile is not run', async () => {
    const { world, session } = await scene();
    world.instance.hold();
    await world.send(session, await world.order(session));
    const waiting = await world.order(session, { account: 'bob' as Order['account'] });
    await world.send(session, waiting);
    const { scriptKey, orderKey, keySet } = world.controlPlane;
    const keys = keySet.keys.map((key) => (key.key === orderKey.key ? { ...key, status: 'revoked' as const } : key));
    session.line.say({ type: 'key-set', keySet: await world.controlPlane.nextKeySet({ keys }, scriptKey) });
    await world.barrier(session);
    const runs = world.instance.runs.length;
    await world.restart();
    await eventually(() => world.agent.status().unacknowledgedResults === 2);
    expect(world.instance.runs).toHaveLength(runs);
  });
});

describe('a disk that refuses', () => {
  test.each<WriteFate>(['fail', 'fail-written'])(
    'the first write (%s): nothing is run, and the next process does not run it either',
    async (fate) => {
      const { world, session, writesBefore } = await scene();
      world.storage.fate = ({ number }) => (number === writesBefore + 1 ? fate : 'pass');
      const order = await world.order(session);
      await world.send(session, order);
      await eventually(() => world.refusals(session.line).length > 0);
      expect(world.refusals(session.line)).toEqual(['journal-failed']);
      await world.restart();
      await world.connect();
      expect(world.instance.runs).toEqual([]);
      expect(world.agent.status().unacknowledgedResults).toBe(0);
    },
  );

  test('a result is told only once it is on disk, however long that takes', async () => {
    const { world, session, writesBefore } = await scene();
    let full = true;
    world.storage.fate = ({ number }) => (full && number > writesBefore + 1 ? 'fail' : 'pass');
    const order = await world.order(session);
    await world.send(session, order);
    await eventually(() => world.agent.status().components.journal?.state === 'failing');
    expect(session.line.frames('result')).toEqual([]);
    full = false;
    world.clock.advance(1_000);
    expect(await world.result(session, order.taskId)).toMatchObject({ state: 'succeeded' });
    await eventually(() => world.agent.status().components.journal?.state === 'ok');
  });
});

describe('an order that waited while the disk refused', () => {
  /** A queued order whose turn has come, and whose begin is refused by the disk until `mend` is called. */
  async function stuck(change: (world: AgentWorld) => Partial<Order>) {
    const { world, session } = await scene();
    const end = world.instance.hold();
    await world.send(session, await world.order(session));
    const waiting = await world.order(session, { account: 'bob' as Order['account'], ...change(world) });
    await world.send(session, waiting);
    let full = true;
    const taken = world.storage.writes.length + 1; // The result of the first.
    world.storage.fate = ({ number }) => (full && number > taken ? 'fail' : 'pass');
    end();
    await eventually(() => world.agent.status().components.journal?.state === 'failing');
    const mend = () => {
      full = false;
      world.clock.advance(1_000);
    };
    return { world, session, waiting, mend };
  }

  test.each<[string, (world: AgentWorld) => Partial<Order>, string]>([
    ['its age', () => ({ lifetimeMs: 10_000 }), 'order-expired'],
    ['the client’s limit', (world) => ({ notAfter: world.clock.now() + 10_000 }), 'reset-expired'],
  ])('past %s is not applied once the disk is well again', async (_what, change, code) => {
    const { world, session, waiting, mend } = await stuck(change);
    world.clock.advance(10_001);
    mend();
    expect(await world.result(session, waiting.taskId)).toMatchObject({ state: 'failed', code });
    expect(world.instance.runs.map(({ account }) => account)).not.toContain('bob');
  });

  test('and is still good then, is applied', async () => {
    const { world, session, waiting, mend } = await stuck(() => ({ lifetimeMs: 10_000 }));
    world.clock.advance(5_000);
    mend();
    expect(await world.result(session, waiting.taskId)).toMatchObject({ state: 'succeeded' });
    expect(world.instance.runs.map(({ account }) => account)).toContain('bob');
  });
});

describe('results', () => {
  test('are signed by the identity, over the hash of the sealed bytes', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    await world.send(session, order);
    const body = await world.result(session, order.taskId);
    const [frame] = session.line.frames('result');
    const { publicKey } = world.crypto.identity;
    const opened = frame && (await openSigned(verifySignature, publicKey, 'result', TaskResult, frame.result));
    expect(opened).toEqual({ ok: true, body });
    const sealed = Buffer.concat([fromBase64Url(order.sealed.enc), fromBase64Url(order.sealed.ciphertext)]);
    expect(body.sealedDigest).toBe(world.crypto.sha256(sealed));
  });

  test('come again in every session until they are acknowledged, byte for byte', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    await world.send(session, order);
    await world.result(session, order.taskId);
    await world.restart();
    const second = await world.connect();
    await world.result(second, order.taskId);
    expect(collectResults([second.line])).toEqual(collectResults([session.line]));
    second.line.say({ type: 'result-ack', taskId: order.taskId });
    await eventually(() => world.agent.status().unacknowledgedResults === 0);
    await world.restart();
    const third = await world.connect();
    await world.barrier(third);
    expect(third.line.frames('result')).toEqual([]);
  });

  test('an acknowledged order is gone from the disk, sealed bytes included', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    await world.send(session, order);
    await world.result(session, order.taskId);
    expect(world.storage.text('journal')).toContain(order.taskId);
    session.line.say({ type: 'result-ack', taskId: order.taskId });
    await eventually(() => world.agent.status().unacknowledgedResults === 0);
    world.clock.advance(1_000);
    await eventually(() => !world.storage.text('journal').includes(order.taskId));
    expect(world.storage.text('journal')).toContain(order.resetId);
  });
});
