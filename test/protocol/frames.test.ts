import { describe, expect, test } from 'vitest';
import {
  AgentFrame,
  AgentProofFrame,
  decodeAgentFrame,
  decodeServerFrame,
  encodeFrame,
  FRAME_BYTES_MAX,
  fromBase64Url,
  GENERATION_MAX,
  GENERATIONS_MAX,
  HelloFrame,
  KeySet,
  openSigned,
  Order,
  OrderFrame,
  parseJsonBytes,
  ResultFrame,
  ScriptStatement,
  sealedDigest,
  ServerFrame,
  ServerProofFrame,
  sessionBindingOf,
  sha256,
  signBytes,
  signingInput,
  TaskResult,
  transcriptBytes,
  UNPROVEN_FRAME_BYTES_MAX,
  unsealPassword,
  utf8,
  verifyEd25519,
  type SessionRole,
  type Transcript,
} from '#protocol';
import { CONTEXT, entry, HELD, KEYS, publicKey, signer, thumbprint } from './support/cast.ts';
import { AGENT_FRAMES, SERVER_FRAMES, type Wire } from './support/frames.ts';
import session from './vectors/session.json' with { type: 'json' };

const sizes = ['smallest', 'largest'] as const;
const cases = (frames: Record<string, { smallest: Wire; largest: Wire }>) =>
  Object.entries(frames).flatMap(([type, both]) => sizes.map((size) => [size, type, both[size]] as const));
/** What either side sends before both have proven themselves. */
const BEFORE_PROOF: readonly string[] = ['hello', 'server-proof', 'agent-proof', 'welcome'];
const limitOf = (type: string) => (BEFORE_PROOF.includes(type) ? UNPROVEN_FRAME_BYTES_MAX : FRAME_BYTES_MAX);

describe('the largest and the smallest frame of each type', () => {
  test.each(cases(AGENT_FRAMES))('from an agent: %s %s', (_, type, frame) => {
    const decoded = decodeAgentFrame(JSON.stringify(frame), limitOf(type));
    expect(decoded).toEqual({ ok: true, frame });
    if (decoded.ok) expect(JSON.parse(encodeFrame(decoded.frame))).toEqual(frame);
  });
  test.each(cases(SERVER_FRAMES))('from the control plane: %s %s', (_, type, frame) => {
    const decoded = decodeServerFrame(JSON.stringify(frame), limitOf(type));
    expect(decoded).toEqual({ ok: true, frame });
    if (decoded.ok) expect(JSON.parse(encodeFrame(decoded.frame))).toEqual(frame);
  });
  test('are there for every type', () => {
    const types = (union: typeof AgentFrame | typeof ServerFrame) => union.options.map((each) => each.shape.type.value);
    expect(Object.keys(AGENT_FRAMES)).toEqual(types(AgentFrame));
    expect(Object.keys(SERVER_FRAMES)).toEqual(types(ServerFrame));
  });
  test.each(cases(AGENT_FRAMES))('from an agent is nothing from the control plane: %s %s', (_, type, frame) => {
    expect(decodeServerFrame(JSON.stringify(frame), FRAME_BYTES_MAX).ok).toBe(false);
    expect(type in SERVER_FRAMES).toBe(false);
  });
});

describe('before the proof', () => {
  test('an agent that has applied to every account it may report still fits', () => {
    const text = JSON.stringify(AGENT_FRAMES['agent-proof'].largest);
    expect(AgentProofFrame.parse(JSON.parse(text)).generations).toHaveLength(GENERATIONS_MAX);
    expect(utf8(text).length).toBeLessThan(UNPROVEN_FRAME_BYTES_MAX);
  });

  test('the largest key set fits beside the proof of the control plane', async () => {
    const keys = Array.from({ length: 64 }, () => ({ ...entry('release', 'release', 'revoked') }));
    const body = { ...HELD, version: Number.MAX_SAFE_INTEGER, issuedAt: 253_402_300_799_999, keys };
    const keySet = await signBytes(await signer('script'), 'key-set', utf8(JSON.stringify(body)));
    const frame = { ...SERVER_FRAMES['server-proof'].largest, keySet };
    expect(decodeServerFrame(JSON.stringify(frame), UNPROVEN_FRAME_BYTES_MAX).ok).toBe(true);
  });
});

describe('the largest order, with the largest script,', () => {
  test('fits into a frame', () => {
    expect(utf8(JSON.stringify(SERVER_FRAMES.order.largest)).length).toBeLessThan(FRAME_BYTES_MAX);
  });
});

describe('a recorded session', () => {
  test('reads and writes the same, byte for byte', () => {
    for (const { from, text } of session) {
      const decode = from === 'agent' ? decodeAgentFrame : decodeServerFrame;
      const decoded = decode(text, FRAME_BYTES_MAX);
      if (!decoded.ok) throw new Error(`${decoded.reason}: ${text}`);
      expect(JSON.parse(encodeFrame(decoded.frame))).toEqual(JSON.parse(text));
    }
  });

  test('has every frame there is', () => {
    const seen = new Set(session.map(({ text }) => (JSON.parse(text) as Wire).type));
    expect(seen).toEqual(new Set([...Object.keys(AGENT_FRAMES), ...Object.keys(SERVER_FRAMES)]));
  });

  const frameOf = (type: Wire['type']): unknown =>
    session.map(({ text }) => JSON.parse(text) as Wire).find((frame) => frame.type === type);
  const hello = HelloFrame.parse(frameOf('hello'));
  const server = ServerProofFrame.parse(frameOf('server-proof'));
  const agent = AgentProofFrame.parse(frameOf('agent-proof'));
  const order = OrderFrame.parse(frameOf('order'));
  const transcript: Transcript = {
    v: 1,
    protocol: server.protocol,
    role: hello.role,
    instanceId: hello.instanceId,
    identity: hello.identity,
    serverId: server.serverId,
    agentNonce: hello.nonce,
    serverNonce: server.nonce,
  };

  test('holds a mutual proof, and neither half serves for the other', async () => {
    const proofs = { 'session-server': [server.signature, 'order'], 'session-agent': [agent.signature, 'identity'] };
    for (const type of ['session-server', 'session-agent'] as const) {
      for (const [domain, [signature, name]] of Object.entries(proofs)) {
        const key = publicKey(name as keyof typeof KEYS);
        const message = signingInput(type, transcriptBytes(transcript));
        expect(await verifyEd25519(key, message, fromBase64Url(signature!))).toBe(domain === type);
      }
    }
  });

  const changes: Partial<Transcript>[] = [
    { protocol: 2 },
    { role: 'plug-in' satisfies SessionRole },
    { instanceId: '7b0de1c4-9a51-4c55-8a51-2f0b6f3d9a10' as Transcript['instanceId'] },
    { identity: thumbprint('otherIdentity') },
    { serverId: thumbprint('nextScript') },
    { agentNonce: server.nonce },
    { serverNonce: hello.nonce },
  ];
  test.each(changes)('has a proof and a binding that end with %j', async (change) => {
    const other = { ...transcript, ...change };
    const message = signingInput('session-agent', transcriptBytes(other));
    expect(await verifyEd25519(publicKey('identity'), message, fromBase64Url(agent.signature))).toBe(false);
    expect(await sessionBindingOf(other)).not.toBe(await sessionBindingOf(transcript));
  });

  test('holds an order for this session alone, with a password and a script that fit it', async () => {
    const opened = await openSigned(verifyEd25519, publicKey('order'), 'order', Order, order.order);
    if (!opened.ok) throw new Error(opened.why);
    expect(opened.body.sessionBinding).toBe(await sessionBindingOf(transcript));
    const password = await unsealPassword(KEYS.sealing.secret, CONTEXT, opened.body.sealed);
    expect(Buffer.from(password!).toString()).toBe('Correct-Horse7');
    const script = await openSigned(
      verifyEd25519,
      publicKey('script'),
      'script',
      ScriptStatement,
      order.script.statement,
    );
    if (!script.ok) throw new Error(script.why);
    expect(script.body.digest).toBe(opened.body.scriptDigest);
    expect(await sha256(fromBase64Url(order.script.bytes))).toBe(script.body.digest);
  });

  test('holds a result that speaks of that very password', async () => {
    const { result } = ResultFrame.parse(frameOf('result'));
    const opened = await openSigned(verifyEd25519, publicKey('identity'), 'result', TaskResult, result);
    if (!opened.ok) throw new Error(opened.why);
    const ordered = parseJsonBytes(Order, fromBase64Url(order.order.bytes));
    if (!ordered.ok) throw new Error(ordered.why);
    expect(opened.body.sealedDigest).toBe(await sealedDigest(ordered.body.sealed));
  });

  test('holds a key set that the script key signed', async () => {
    const opened = await openSigned(verifyEd25519, publicKey('script'), 'key-set', KeySet, server.keySet!);
    expect(opened).toMatchObject({ ok: true, body: { version: 2, serverId: server.serverId } });
  });
});

describe('a result', () => {
  const base = {
    ...{
      v: 1,
      taskId: '0a9d7c1e-2b47-4d8c-9e36-6f5a4b3c2d1e',
      resetId: CONTEXT.resetId,
      instanceId: CONTEXT.instanceId,
    },
    ...{ account: 'alice', generation: 1, sealedDigest: thumbprint('order'), detail: null, warnings: [] },
    ...{ appliedMs: null, verifiedMs: null },
  };
  test.each([
    ['succeeded', null, 'login', true],
    ['succeeded', null, 'authenticate', true],
    ['succeeded', null, 'hash', true],
    ['succeeded', null, null, false],
    ['succeeded', 'script-failed', 'login', false],
    ['failed', 'script-failed', null, true],
    ['failed', null, null, false],
    ['failed', 'script-failed', 'login', false],
    ['outcome-unknown', 'verification-inconclusive', null, true],
    ['outcome-unknown', null, null, false],
    ['outcome-unknown', 'verification-inconclusive', 'hash', false],
    ['blocked', 'script-failed', null, false],
  ])('that is %s with code %s, proven by %s, is one: %s', (state, code, verifiedBy, valid) => {
    expect(TaskResult.safeParse({ ...base, state, code, verifiedBy }).success).toBe(valid);
  });

  test('has a generation that leaves room for more', () => {
    const claims = (generation: number) =>
      TaskResult.safeParse({ ...base, state: 'failed', code: 'script-failed', verifiedBy: null, generation }).success;
    expect([claims(GENERATION_MAX), claims(GENERATION_MAX + 1), claims(Number.MAX_SAFE_INTEGER)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
