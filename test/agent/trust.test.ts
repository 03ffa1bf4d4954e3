import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromBase64Url, type KeySet, type Signed, type Signer } from '#protocol';
import { SLOW_RETRY_MS_MIN } from '../../agent/domain/backoff.ts';
import { KEY_SET } from '../../agent/core/trust.ts';
import { newSigner } from '../support/keys.ts';
import { AgentWorld } from './support/agent-world.ts';
import { ControlPlane, entryOf, newNonce } from './support/control-plane.ts';
import { eventually } from './support/fake-wire.ts';
import { newAuthority, presentedBy } from './support/tls-gateway.ts';

const TRUST_MISSING = { code: 'trust-missing' };

/** What a live agent says to a key set: its refusal, or that it is taken. */
async function verdictOn(world: AgentWorld, keySet: Signed): Promise<string> {
  const session = await world.connect();
  session.line.say({ type: 'key-set', keySet });
  await world.barrier(session);
  return session.line.frames('key-set-refused')[0]?.code ?? 'taken';
}

describe('a key set is taken only if', () => {
  test('everything about it is right; then it is on disk', async () => {
    const world = await AgentWorld.started();
    const keySet = await world.controlPlane.nextKeySet({});
    expect(await verdictOn(world, keySet)).toBe('taken');
    expect(JSON.parse(world.storage.text(KEY_SET))).toEqual(keySet);
  });

  type Make = (it: ControlPlane, stranger: Signer) => Promise<Signed>;
  test.each<[string, Make, string]>([
    ['a script key signed it', (it) => it.nextKeySet({}, it.orderKey), 'key-set-wrong-role'],
    ['the key that signed it is known', (it, stranger) => it.nextKeySet({}, stranger), 'key-set-unknown-key'],
    ['it is newer', (it) => it.nextKeySet({ version: it.keySet.version - 1 }), 'key-set-older'],
    [
      'it is no other under the same number',
      (it) => it.nextKeySet({ version: it.keySet.version, issuedAt: 1 }),
      'key-set-older',
    ],
    ['it is this control plane’s', (it) => it.nextKeySet({ serverId: newNonce() as never }), 'key-set-other-server'],
    [
      'its bytes are what was signed',
      async (it) => ({ ...(await it.nextKeySet({})), signature: (await it.nextKeySet({ version: 99 })).signature }),
      'key-set-bad-signature',
    ],
    [
      'its names of keys are true',
      (it, stranger) =>
        it.nextKeySet({ keys: [...it.keySet.keys, { ...entryOf(stranger, 'order'), key: newNonce() as never }] }),
      'key-set-malformed',
    ],
  ])('%s', async (_promise, make, code) => {
    const world = await AgentWorld.started();
    const before = world.storage.text(KEY_SET);
    expect(await verdictOn(world, await make(world.controlPlane, await newSigner()))).toBe(code);
    expect(world.storage.text(KEY_SET)).toBe(before);
    expect(world.agent.status().components.trust).toMatchObject({ state: 'failing', detail: code });
  });

  test.each<[string, (keys: KeySet['keys'], thief: Signer) => KeySet['keys']]>([
    ['made active again', (keys, thief) => [...keys, entryOf(thief, 'order')]],
    ['left out', (keys) => keys],
  ])('no key that was revoked is %s', async (_how, undo) => {
    const world = await AgentWorld.started();
    const { controlPlane } = world;
    const thief = await newSigner();
    const { keys } = controlPlane.keySet;
    const revoking = await controlPlane.nextKeySet({ version: 4, keys: [...keys, entryOf(thief, 'order', 'revoked')] });
    expect(await verdictOn(world, revoking)).toBe('taken');
    await world.restart();
    expect(await verdictOn(world, await controlPlane.nextKeySet({ version: 5, keys: undo(keys, thief) }))).toBe(
      'key-set-revocation-undone',
    );
  });

  test('it is on disk before it is believed', async () => {
    const world = await AgentWorld.started();
    world.storage.fate = ({ name }) => (name === KEY_SET ? 'fail' : 'pass');
    const { line } = await world.connect();
    const orderKey = await newSigner();
    const keys = [...world.controlPlane.keySet.keys, entryOf(orderKey, 'order')];
    line.say({ type: 'key-set', keySet: await world.controlPlane.nextKeySet({ keys }) });
    await eventually(() => line.closed);
    world.clock.advance(0);
    await world.wire.line(2);
    const again = await world.connect();
    again.line.say(await world.controlPlane.frameOf(await world.order(again), orderKey));
    await world.barrier(again);
    expect(world.refusals(again.line)).toEqual(['order-unknown-key']);
  });
});

describe('what was believed is found again', () => {
  test('after a script key has handed over to another and revoked itself', async () => {
    const world = await AgentWorld.started();
    const { scriptKey, orderKey } = world.controlPlane;
    const next = await newSigner();
    const keys = [entryOf(scriptKey, 'script', 'revoked'), entryOf(next, 'script'), entryOf(orderKey, 'order')];
    expect(await verdictOn(world, await world.controlPlane.nextKeySet({ keys }))).toBe('taken');
    await world.restart();
    const after = await world.controlPlane.nextKeySet({ keys, version: 9 }, next);
    expect(await verdictOn(world, after)).toBe('taken');
    await world.restart();
    const undone = await world.controlPlane.nextKeySet({ keys, version: 10 }, scriptKey);
    expect(await verdictOn(world, undone)).toBe('key-set-unknown-key');
  });
});

describe('TLS authorities', () => {
  const der = () => new X509Certificate(newAuthority().ca).raw.toString('base64url');

  test('that a key set names are those of every connection after it, also of the next process', async () => {
    const world = await AgentWorld.started();
    const authorities = [der(), der()];
    expect(await verdictOn(world, await world.controlPlane.nextKeySet({ authorities }))).toBe('taken');
    (await world.wire.line(1)).drop();
    world.clock.advance(0);
    await world.wire.line(2);
    expect(world.wire.authorities).toEqual([null, authorities]);
    await world.restart();
    await world.wire.line(1);
    expect(world.wire.authorities).toEqual([authorities]);
  });

  test.each([
    ['no certificate', () => 'AAAA'],
    ['one of a server', () => new X509Certificate(presentedBy(newAuthority()).cert).raw.toString('base64url')],
  ])('of which one is %s are not taken: they would lock the control plane out', async (_what, make) => {
    const world = await AgentWorld.started();
    const keySet = await world.controlPlane.nextKeySet({ authorities: [der(), make()] });
    expect(await verdictOn(world, keySet)).toBe('key-set-malformed');
  });
});

test('a key set of an impostor is not remembered as the control plane’s fault', async () => {
  const world = await AgentWorld.started();
  const impostor = await newSigner();
  const line = await world.wire.line(1);
  line.open();
  const keySet = await world.controlPlane.nextKeySet({}, impostor);
  line.say((await world.controlPlane.prove(await line.frame('hello'), { keySet }, impostor)).proof);
  await eventually(() => line.closed !== null);
  world.clock.advance(SLOW_RETRY_MS_MIN);
  await world.wire.line(2);
  await world.connect();
  expect(world.agent.status().components.trust).toEqual({ state: 'ok' });
});

describe('an agent without a whole key set does not start', () => {
  test.each<[string, (world: AgentWorld) => Promise<Uint8Array | null>]>([
    ['missing', () => Promise.resolve(null)],
    ['no JSON', () => Promise.resolve(Buffer.from('{'))],
    [
      'changed by one bit',
      ({ controlPlane: { signedKeySet } }) => {
        const bytes = fromBase64Url(signedKeySet.bytes);
        bytes[20] = (bytes[20] ?? 0) ^ 1;
        const changed = { ...signedKeySet, bytes: Buffer.from(bytes).toString('base64url') };
        return Promise.resolve(Buffer.from(JSON.stringify(changed)));
      },
    ],
    ['of another control plane', async () => Buffer.from(JSON.stringify((await ControlPlane.create()).signedKeySet))],
    [
      'signed by its own order key',
      async ({ controlPlane }) => Buffer.from(JSON.stringify(await controlPlane.nextKeySet({}, controlPlane.orderKey))),
    ],
  ])('%s', async (_how, make) => {
    const world = await AgentWorld.create();
    const bytes = await make(world);
    if (bytes === null) world.storage.files.delete(KEY_SET);
    else world.storage.files.set(KEY_SET, bytes);
    await expect(world.agent.start()).rejects.toMatchObject(TRUST_MISSING);
    expect(world.wire.lines).toEqual([]);
  });
});
