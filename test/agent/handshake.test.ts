import { describe, expect, test } from 'vitest';
import {
  fromBase64Url,
  HANDSHAKE_MS_MAX,
  SERVER_SILENCE_MS_MAX,
  signBytes,
  transcriptBytes,
  UNPROVEN_FRAME_BYTES_MAX,
  signingInput,
  type ServerFrame,
} from '#protocol';
import { verifySignature } from '../../agent/node/crypto.ts';
import { newSigner } from '../support/keys.ts';
import { AgentWorld } from './support/agent-world.ts';
import { entryOf, newNonce } from './support/control-plane.ts';
import { eventually, type FakeLine } from './support/fake-wire.ts';

type ServerProof = Extract<ServerFrame, { type: 'server-proof' }>;

const isClosed = (line: FakeLine) => eventually(() => line.closed);

async function greeted() {
  const world = await AgentWorld.started();
  const line = await world.wire.line(1);
  line.open();
  return { world, line, hello: await line.frame('hello') };
}

describe('before the control plane has proven itself', () => {
  test('it is told who asks, and nothing about the machine', async () => {
    const { world, line, hello } = await greeted();
    expect(Object.keys(hello).toSorted()).toEqual([
      ...['identity', 'instanceId', 'keySetVersion', 'nonce', 'protocols', 'role', 'type'],
    ]);
    expect(line.sent).toEqual([hello]);
    expect(hello).toMatchObject({ role: 'agent', protocols: [1], keySetVersion: 3, instanceId: world.instanceId });
  });

  const wrong: [
    string,
    (world: AgentWorld, good: ServerProof) => Partial<ServerProof> | Promise<Partial<ServerProof>>,
  ][] = [
    ['another signature', () => ({ signature: Buffer.alloc(64, 1).toString('base64url') })],
    ['another nonce than it signed', () => ({ nonce: newNonce() })],
    ['a key that is not known', async () => ({ key: (await newSigner()).key })],
    ['the script key, which is no order key', ({ controlPlane }) => ({ key: controlPlane.scriptKey.key })],
    ['another control plane’s name', () => ({ serverId: newNonce() as never })],
  ];
  test.each(wrong)('with %s it hears no more, and a close code that says why', async (_what, change) => {
    const { world, line, hello } = await greeted();
    const { proof } = await world.controlPlane.prove(hello);
    line.say({ ...proof, ...(await change(world, proof)) });
    expect(await isClosed(line)).toEqual({ code: 4511, reason: 'server-proof-invalid' });
    expect(line.sent).toEqual([hello]);
  });

  test('a version that was not offered is not spoken', async () => {
    const { world, line, hello } = await greeted();
    const { proof } = await world.controlPlane.prove(hello);
    line.say({ ...proof, protocol: 2 });
    expect(await isClosed(line)).toEqual({ code: 4426, reason: 'version-unsupported' });
  });

  test('a proof for another agent’s hello proves nothing here', async () => {
    const { world, line, hello } = await greeted();
    const { proof } = await world.controlPlane.prove({ ...hello, nonce: newNonce() });
    line.say(proof);
    expect(await isClosed(line)).toMatchObject({ reason: 'server-proof-invalid' });
  });

  test('the control plane’s own proof does not pass for the agent’s', async () => {
    const { world, line, hello } = await greeted();
    const { proof, transcript } = await world.controlPlane.prove(hello);
    const asAgent = await signBytes(world.controlPlane.orderKey, 'session-agent', transcriptBytes(transcript));
    line.say({ ...proof, signature: asAgent.signature });
    expect(await isClosed(line)).toMatchObject({ reason: 'server-proof-invalid' });
  });

  test('large frames are refused', async () => {
    const { line } = await greeted();
    line.sayText(`{"type":"${'x'.repeat(UNPROVEN_FRAME_BYTES_MAX)}"}`);
    expect(await isClosed(line)).toMatchObject({ code: 4413, reason: 'frame-too-large' });
  });

  test.each([null, '', '{', '{"type":"hello"}', '{"type":"welcome"}'])('so is what is no frame: %j', async (text) => {
    const { line } = await greeted();
    line.sayText(text);
    expect(await isClosed(line)).toMatchObject({ code: 4400, reason: 'frame-malformed' });
  });

  test('it has ten seconds', async () => {
    const { world, line } = await greeted();
    world.clock.advance(HANDSHAKE_MS_MAX - 1);
    expect(line.closed).toBeNull();
    world.clock.advance(1);
    expect(line.closed).toEqual({ code: 4408, reason: 'handshake-timeout' });
  });
});

describe('the agent’s proof', () => {
  test('is by its identity over the same transcript, and brings where things stand', async () => {
    const world = await AgentWorld.started();
    const { transcript, agentProof } = await world.connect();
    const message = signingInput('session-agent', transcriptBytes(transcript));
    const { publicKey } = world.crypto.identity;
    expect(await verifySignature(publicKey, message, fromBase64Url(agentProof.signature))).toBe(true);
    expect(agentProof).toMatchObject({
      continuity: null,
      generations: [],
      facts: { os: 'linux', hostname: 'made-up' },
    });
  });

  test('presents the secret that the last session handed over, also after a crash', async () => {
    const world = await AgentWorld.started();
    const line = await world.wire.line(1);
    await world.greet(line);
    const welcome = world.controlPlane.welcome(world.clock.now());
    line.say(welcome);
    await line.frame('health');
    await world.restart();
    expect((await world.connect()).agentProof.continuity).toBe(welcome.continuity);
  });

  test('reports the generations that were applied', async () => {
    const world = await AgentWorld.started();
    const session = await world.connect();
    const order = await world.order(session, { generation: 7 });
    await world.send(session, order);
    await world.result(session, order.taskId);
    await world.restart();
    expect((await world.connect()).agentProof.generations).toEqual([{ account: 'alice', generation: 7 }]);
  });

  test('reports the generation of an order that it holds, before it is applied', async () => {
    const world = await AgentWorld.started();
    const session = await world.connect();
    const release = world.instance.hold();
    const order = await world.order(session, { generation: 7 });
    await world.send(session, order);
    session.line.drop();
    world.clock.advance(0); // Without jitter the first attempt comes at once.
    const line = await world.wire.line(2);
    expect((await world.greet(line)).agentProof.generations).toEqual([{ account: 'alice', generation: 7 }]);
    release();
  });

  test('has another nonce each time', async () => {
    const { world, line, hello } = await greeted();
    line.drop();
    world.clock.advance(0); // Without jitter the first attempt comes at once.
    const again = await world.wire.line(2);
    again.open();
    expect((await again.frame('hello')).nonce).not.toBe(hello.nonce);
  });
});

test('the session is not used before its secret is on disk', async () => {
  const world = await AgentWorld.started();
  const line = await world.wire.line(1);
  await world.greet(line);
  world.storage.fate = ({ name }) => (name === 'continuity.json' ? 'fail' : 'pass');
  line.say(world.controlPlane.welcome(world.clock.now()));
  await isClosed(line);
  expect(line.frames('health')).toEqual([]);
});

describe('a key set that comes with the proof', () => {
  test('is judged first, so that it may bring the key of the proof', async () => {
    const { world, line, hello } = await greeted();
    const orderKey = await newSigner();
    const { scriptKey } = world.controlPlane;
    const keys = [entryOf(scriptKey, 'script'), entryOf(orderKey, 'order')];
    const keySet = await world.controlPlane.nextKeySet({ keys });
    line.say((await world.controlPlane.prove(hello, { keySet }, orderKey)).proof);
    expect(await line.frame('agent-proof')).toBeDefined();
  });

  test('is not believed because somebody can prove a key that it brings', async () => {
    const { world, line, hello } = await greeted();
    const thief = await newSigner();
    const keys = [entryOf(thief, 'script'), entryOf(await newSigner(), 'order')];
    const keySet = await world.controlPlane.nextKeySet({ keys }, thief);
    line.say((await world.controlPlane.prove(hello, { keySet }, thief)).proof);
    expect(await isClosed(line)).toMatchObject({ reason: 'server-proof-invalid' });
  });
});

describe('a live session', () => {
  test('answers challenges at once, whatever else is being done', async () => {
    const world = await AgentWorld.started();
    const session = await world.connect();
    world.instance.hold();
    await world.send(session, await world.order(session));
    const challenge = newNonce();
    session.line.say({ type: 'liveness-challenge', challenge });
    // In the same turn: no waiting at all.
    expect(session.line.frames('liveness-answer')).toEqual([{ type: 'liveness-answer', challenge }]);
  });

  test('is given up when nothing is heard, and another is begun', async () => {
    const world = await AgentWorld.started();
    const { line } = await world.connect();
    world.clock.advance(SERVER_SILENCE_MS_MAX - 1);
    expect(line.closed).toBeNull();
    world.clock.advance(1);
    expect(line.closed).not.toBeNull();
    world.clock.advance(0);
    expect(world.wire.lines).toHaveLength(2);
    expect(world.agent.status().lastLoss).toBe('nothing was heard from the control plane');
  });

  test('lasts as long as challenges come', async () => {
    const world = await AgentWorld.started();
    const { line } = await world.connect();
    for (let turn = 0; turn < 20; turn += 1) {
      world.clock.advance(10_000);
      line.say({ type: 'liveness-challenge', challenge: newNonce() });
    }
    expect([line.closed, line.frames('liveness-answer').length]).toEqual([null, 20]);
  });

  test('ends when frames come faster than they can be dealt with', async () => {
    const world = await AgentWorld.started();
    const { line } = await world.connect();
    for (let count = 0; count < 300; count += 1) line.say({ type: 'health-request' });
    expect(line.closed).toEqual({ code: 4429, reason: 'too-many-frames' });
  });

  test('says goodbye when the agent stops, and waits for a reset that runs', async () => {
    const world = await AgentWorld.started();
    const session = await world.connect();
    const release = world.instance.hold();
    const order = await world.order(session);
    await world.send(session, order);
    await eventually(() => world.instance.runs.length === 1);
    const stopped = world.agent.stop('instance-stopping');
    expect(session.line.frames('goodbye')).toEqual([]);
    release();
    await stopped;
    const types = session.line.sent.map(({ type }) => type);
    expect(types.slice(-2)).toEqual(['result', 'goodbye']);
    expect(session.line.frames('goodbye')).toEqual([{ type: 'goodbye', reason: 'instance-stopping' }]);
  });

  test('a reset that does not end in time is left to the next run of the agent', async () => {
    const world = await AgentWorld.started();
    const session = await world.connect();
    world.instance.onReset = ({ signal }) =>
      new Promise((resolve) => {
        const outcome = { state: 'outcome-unknown', code: 'interrupted', detail: '', warnings: [] } as const;
        signal.addEventListener('abort', () => resolve(outcome));
      });
    const order = await world.order(session);
    await world.send(session, order);
    await eventually(() => world.instance.runs.length === 1);
    const stopped = world.agent.stop('agent-stopping', 1_000);
    world.clock.advance(1_000);
    await stopped;
    expect(session.line.frames('result')).toEqual([]);
    expect(world.storage.text('journal')).toContain(order.taskId);
  });
});
