import {
  fromBase64Url,
  negotiateVersion,
  signingInput,
  toBase64Url,
  transcriptBytes,
  type AgentFrameOf,
  type CloseReason,
  type Digest,
  type InstanceFacts,
  type InstanceId,
  type KeySet,
  type Nonce,
  type ServerFrameOf,
  type SessionRole,
  type Signed,
  type Signer,
  type Transcript,
  type Verify,
  judgeSealingKey,
} from '#protocol';
import type { InstanceRecord } from '../store/records.ts';
import type { InstanceExpectation, Repositories } from '../store/store.ts';
import type { Hash, Random } from '../service/ports.ts';

/** What the control plane proves itself with. */
export interface ServerIdentity {
  readonly orderSigner: Signer;
  readonly keySet: KeySet;
  readonly signedKeySet: Signed;
}

export interface HandshakeDeps {
  readonly instances: Pick<Repositories['instances'], 'getPart'>;
  readonly identity: () => ServerIdentity;
  readonly verify: Verify;
  readonly hash: Hash;
  readonly random: Random;
}

/** What is read of an instance when somebody comes as it. */
const CLAIMED_FIELDS = [
  'id',
  'os',
  'identity',
  'identityKey',
  'sealingKey',
  'continuityCurrent',
  'continuityPrevious',
  'fencedAt',
] as const satisfies readonly (keyof InstanceRecord)[];
type Claimed = Pick<InstanceRecord, (typeof CLAIMED_FIELDS)[number]>;

/** After the hello: who it claims to be, and what both sides will sign. */
export interface Introduced {
  readonly transcript: Transcript;
  readonly instance: Claimed;
  readonly reply: ServerFrameOf<'server-proof'>;
}

/** After the proof: who it is. */
export interface Proven {
  readonly instanceId: InstanceId;
  readonly role: SessionRole;
  readonly binding: Digest;
  readonly continuity: Nonce | null;
  /** How the instance stood when this handshake began. */
  readonly before: InstanceExpectation;
  readonly agentVersion: string;
  readonly facts: InstanceFacts;
  readonly sealingKey: Signed;
  readonly generations: AgentFrameOf<'agent-proof'>['generations'];
}

export type Refused = {
  readonly ok: false;
  readonly reason: CloseReason;
  /** Whom a peer of another protocol says it is, where that instance has that identity. Nothing of it is proven. */
  readonly claimed: InstanceId | null;
};
export type Answer<T> = ({ readonly ok: true } & T) | Refused;

const refuse = (reason: CloseReason, claimed: InstanceId | null = null): Refused => ({ ok: false, reason, claimed });

/** Answers the hello with the server's own proof. An unknown instance and a wrong identity look the same. */
export async function introduce(deps: HandshakeDeps, hello: AgentFrameOf<'hello'>): Promise<Answer<Introduced>> {
  const protocol = negotiateVersion(hello.protocols);
  if (protocol === null) {
    const named = await deps.instances.getPart(hello.instanceId, ['id', 'identity']);
    return refuse('version-unsupported', named?.identity === hello.identity ? named.id : null);
  }
  if (hello.role !== 'agent') return refuse('role-not-allowed');
  const instance = await deps.instances.getPart(hello.instanceId, CLAIMED_FIELDS);
  if (instance?.identity !== hello.identity) return refuse('proof-invalid');
  const { orderSigner, keySet, signedKeySet } = deps.identity();
  const transcript: Transcript = {
    v: 1,
    protocol,
    role: hello.role,
    instanceId: hello.instanceId,
    identity: hello.identity,
    serverId: keySet.serverId,
    agentNonce: hello.nonce,
    serverNonce: toBase64Url(deps.random.bytes(32)) as Nonce,
  };
  const signature = await orderSigner.sign(signingInput('session-server', transcriptBytes(transcript)));
  const reply: ServerFrameOf<'server-proof'> = {
    type: 'server-proof',
    protocol,
    serverId: keySet.serverId,
    nonce: transcript.serverNonce,
    key: orderSigner.key,
    signature: toBase64Url(signature),
    keySet: hello.keySetVersion < keySet.version ? signedKeySet : null,
  };
  return { ok: true, transcript, instance, reply };
}

/** Checks the agent's proof. A fenced identity is told so only after it has proven that it is that identity. */
export async function prove(
  deps: HandshakeDeps,
  introduced: Introduced,
  proof: AgentFrameOf<'agent-proof'>,
): Promise<Answer<{ readonly proven: Proven }>> {
  const { transcript, instance } = introduced;
  if (instance.identityKey === null) return refuse('proof-invalid');
  const message = signingInput('session-agent', transcriptBytes(transcript));
  const good = await deps.verify(instance.identityKey, message, fromBase64Url(proof.signature));
  if (!good) return refuse('proof-invalid');
  if (instance.fencedAt !== null) return refuse('fenced');
  if (proof.facts.os !== instance.os) return refuse('proof-invalid');
  // Its end is not judged here: a wrong clock on the instance must not keep it away. Clients judge by their own clocks.
  const expected = { instanceId: instance.id, identityKey: instance.identityKey, now: 0 };
  // What is kept of this identity was judged when it came; most who come back bring it again.
  const known = isSame(instance.sealingKey, proof.sealingKey);
  if (!known && !(await judgeSealingKey(deps.verify, expected, proof.sealingKey)).ok) return refuse('proof-invalid');
  const proven: Proven = {
    instanceId: instance.id,
    role: transcript.role,
    // As `sessionBindingOf` makes it for the agent, without its trip to another thread.
    binding: deps.hash(transcriptBytes(transcript)),
    continuity: proof.continuity,
    before: instance,
    agentVersion: proof.agentVersion,
    facts: proof.facts,
    sealingKey: proof.sealingKey,
    generations: proof.generations,
  };
  return { ok: true, proven };
}

function isSame(kept: Signed | null, brought: Signed): boolean {
  return kept?.bytes === brought.bytes && kept.key === brought.key && kept.signature === brought.signature;
}
