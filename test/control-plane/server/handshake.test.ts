import { expect, test } from 'vitest';
import {
  sessionBindingOf,
  signJson,
  signingInput,
  toBase64Url,
  transcriptBytes,
  verifyEd25519,
  type AgentFrameOf,
  type InstanceId,
  type InstanceName,
  type Nonce,
  type ProjectName,
  type Signed,
  type Transcript,
} from '#protocol';
import { prove } from '../../../control-plane/server/gateway/handshake.ts';
import { sha256Sync, systemClock, systemRandom } from '../../../control-plane/server/runtime.ts';
import { newInstance } from '../../../control-plane/server/service/instance-service.ts';
import { openCoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until, type FakeIdentity } from '../../support/fake-agent.ts';

const nonce = (): Nonce => toBase64Url(systemRandom.bytes(32)) as Nonce;

/** Proves itself with this sealing key, where the control plane keeps another one, or none; and what was verified. */
async function proveWith({ signer, instanceId }: FakeIdentity, brought: Signed, kept: Signed | null) {
  const os = 'linux' as const;
  const named = { name: 'web-1' as InstanceName, os, project: 'default' as ProjectName, tags: {} };
  const identity = { identity: signer.key, identityKey: signer.publicKey, sealingKey: kept };
  const fresh = newInstance({ clock: systemClock, random: systemRandom }, named);
  const instance = { ...fresh, id: instanceId, ...identity };
  const serverNonce = nonce();
  const ids = { instanceId, identity: signer.key, serverId: signer.key, agentNonce: nonce(), serverNonce };
  const transcript: Transcript = { v: 1, protocol: 1, role: 'agent', ...ids };
  const signature = toBase64Url(await signer.sign(signingInput('session-agent', transcriptBytes(transcript))));
  const facts = { os, hostname: 'web-1', osVersion: '', kernel: '', architecture: 'x64', bootId: '' };
  const proof: AgentFrameOf<'agent-proof'> = {
    ...{ type: 'agent-proof', signature, continuity: null, agentVersion: '0', facts, sealingKey: brought },
    ...{ generations: [], clock: 0 },
  };
  let verified = 0;
  const deps = {
    instances: { getPart: () => Promise.resolve(instance) },
    identity: () => {
      throw new Error('a proof needs no key of the control plane');
    },
    verify: (...signed: Parameters<typeof verifyEd25519>) => {
      verified += 1;
      return verifyEd25519(...signed);
    },
    hash: sha256Sync,
    random: systemRandom,
  };
  const key = { protocol: 1, serverId: signer.key, nonce: serverNonce, key: signer.key, signature, keySet: null };
  const answer = await prove(deps, { transcript, instance, reply: { type: 'server-proof', ...key } }, proof);
  return { answer, verified, binding: await sessionBindingOf(transcript) };
}

test('a sealing key that is kept already is not judged again', async () => {
  const identity = await newIdentity(systemRandom.uuid() as InstanceId);
  const first = await proveWith(identity, identity.sealingKey, null);
  expect(first).toMatchObject({ answer: { ok: true }, verified: 2 });
  expect(first.answer).toMatchObject({ proven: { binding: first.binding } });
  const again = await proveWith(identity, identity.sealingKey, identity.sealingKey);
  expect(again).toMatchObject({ answer: { ok: true }, verified: 1 });
});

test('a sealing key that is kept lends nothing to another one', async () => {
  const identity = await newIdentity(systemRandom.uuid() as InstanceId);
  const { sealingKey, statement, signer } = identity;
  const stranger = await newIdentity(identity.instanceId);
  const later = await signJson(signer, 'sealing-key', { ...statement, epoch: 2 });
  expect((await proveWith(identity, later, sealingKey)).answer).toMatchObject({ ok: true });
  for (const brought of [
    { ...sealingKey, bytes: later.bytes },
    { ...sealingKey, signature: later.signature },
    { ...sealingKey, key: stranger.signer.key },
    stranger.sealingKey,
  ]) {
    const { answer } = await proveWith(identity, brought, sealingKey);
    expect(answer).toMatchObject({ ok: false, reason: 'proof-invalid' });
  }
});

test('a handshake that was begun before the identity was replaced ends without a trace', async () => {
  await using world = await openCoreWorld();
  const old = await newIdentity(systemRandom.uuid() as InstanceId);
  await world.enrol('one', old);
  const { signer, sealingKey } = await newIdentity(old.instanceId);
  const replaced = { identity: signer.key, identityKey: signer.publicKey, sealingKey };
  const late = new FakeAgent(old, (connection) =>
    world.core.accept({
      ...connection,
      // Between its hello and its proof.
      send: (text) => {
        world.store
          .transaction((tx) => tx.instances.update(old.instanceId, replaced))
          .then(
            () => {
              connection.send(text);
            },
            (error: unknown) => world.failures.push(error),
          );
      },
    }),
  );
  late.hello();
  expect(await until(() => late.closedFor)).toBe('session-replaced');
  const kept = await world.store.read.instances.get(old.instanceId);
  expect(kept).toMatchObject({ ...replaced, fencedAt: null, continuityCurrent: null, agentVersion: null });
  expect(world.failures).toEqual([]);
});
