import * as z from 'zod';
import { AccountName } from './accounts.ts';
import { base64UrlBytes, Digest, sha256, utf8 } from './encoding.ts';
import { ComponentMap } from './health.ts';
import {
  DurationMs,
  EpochMs,
  Generation,
  InstanceId,
  Nonce,
  OperatingSystem,
  SessionId,
  SessionRole,
  TaskId,
  Thumbprint,
} from './ids.ts';
import { GENERATIONS_MAX } from './limits.ts';
import { SignedScript } from './order.ts';
import { Signed } from './signing.ts';
import { Claim } from './text.ts';
import { KeySetCode, ResultCode } from './codes.ts';

/**
 * A session: the agent says hello, the control plane proves itself first (its order key signs the transcript), the
 * agent proves itself (its identity signs the same), the control plane says welcome. Then frames go both ways. Each is
 * one text message of UTF-8 JSON, at most 256 KiB (96 KiB before the proof).
 */
export const Transcript = z.strictObject({
  v: z.literal(1),
  protocol: z.int().min(1),
  role: SessionRole,
  instanceId: InstanceId,
  /** Thumbprint of the instance's identity. */
  identity: Thumbprint,
  serverId: Thumbprint,
  agentNonce: Nonce,
  serverNonce: Nonce,
});
export type Transcript = z.infer<typeof Transcript>;

/** The bytes that both proofs sign, each in its own domain; both sides build them from what they sent and received. */
export function transcriptBytes(transcript: Transcript): Uint8Array {
  const { v, protocol, role, instanceId, identity, serverId, agentNonce, serverNonce } = transcript;
  return utf8(JSON.stringify([v, protocol, role, instanceId, identity, serverId, agentNonce, serverNonce]));
}

/** Names the session in orders: they fit no other. */
export async function sessionBindingOf(transcript: Transcript): Promise<Digest> {
  return sha256(transcriptBytes(transcript));
}

const type = <T extends string>(name: T) => z.literal(name);

export const HelloFrame = z.strictObject({
  type: type('hello'),
  /** Every protocol version that the agent speaks. */
  protocols: z.array(z.int().min(1)).min(1).max(16),
  role: SessionRole,
  instanceId: InstanceId,
  identity: Thumbprint,
  nonce: Nonce,
  /** The key set that the agent holds: a server key that it does not know must come with a newer one. */
  keySetVersion: z.int().min(1),
});

/** The server's proof, by its order key. */
export const ServerProofFrame = z.strictObject({
  type: type('server-proof'),
  protocol: z.int().min(1),
  serverId: Thumbprint,
  nonce: Nonce,
  /** Thumbprint of the order key that signs. */
  key: Thumbprint,
  /** Ed25519 over the transcript, domain `session-server`. */
  signature: base64UrlBytes(64, 64),
  /** Sent when the agent's key set is older; judged before the proof is. */
  keySet: Signed.nullable(),
});

/** What the agent says about its machine: claims, shown and matched, never an input to a policy. */
export const InstanceFacts = z.strictObject({
  os: OperatingSystem,
  hostname: Claim,
  /** Name and version of the distribution. */
  osVersion: Claim,
  kernel: Claim,
  architecture: Claim,
  /** Fresh at every boot of the instance. */
  bootId: Claim,
});
export type InstanceFacts = z.infer<typeof InstanceFacts>;

/** The newest generation of an account that an instance has applied, or has taken and may yet apply. */
export const ReportedGeneration = z.strictObject({ account: AccountName, generation: Generation });
export type ReportedGeneration = z.infer<typeof ReportedGeneration>;

/** The agent's proof, and where it stands. */
export const AgentProofFrame = z.strictObject({
  type: type('agent-proof'),
  /** Ed25519 over the transcript, domain `session-agent`. */
  signature: base64UrlBytes(64, 64),
  /** What the last session handed over; null in the first session after enrolment, or when it was lost. */
  continuity: Nonce.nullable(),
  agentVersion: Claim,
  facts: InstanceFacts,
  /** The current sealing key (`sealing-key`, signed by the identity). */
  sealingKey: Signed,
  generations: z.array(ReportedGeneration).max(GENERATIONS_MAX),
  /** The agent's wall clock. */
  clock: EpochMs,
});

export const WelcomeFrame = z.strictObject({
  type: type('welcome'),
  sessionId: SessionId,
  /** To be stored durably before the session is used, and presented by the next. */
  continuity: Nonce,
  /** The control plane's wall clock. */
  clock: EpochMs,
});

/** Components that changed since the last report of this session; `full` means all of them. */
export const HealthFrame = z.strictObject({
  type: type('health'),
  /** 1, 2, 3, … within a session; a gap makes the control plane ask for the whole. */
  sequence: z.int().min(1),
  full: z.boolean(),
  components: ComponentMap,
});

export const HealthRequestFrame = z.strictObject({ type: type('health-request') });

export const LivenessChallengeFrame = z.strictObject({ type: type('liveness-challenge'), challenge: Nonce });
export const LivenessAnswerFrame = z.strictObject({ type: type('liveness-answer'), challenge: Nonce });

/** A task for this instance: the signed order, and the signed script that applies it. */
export const OrderFrame = z.strictObject({ type: type('order'), order: Signed, script: SignedScript });

/**
 * The agent has journalled the order and lets it wait for its turn (`accepted`), or has journalled that it begins
 * (`running`).
 */
export const TaskProgressFrame = z.strictObject({
  type: type('task-progress'),
  taskId: TaskId,
  state: z.enum(['accepted', 'running']),
});

/** The agent did not take an order; nothing was touched. Named by the digest of its bytes, as they cannot be trusted. */
export const OrderRefusedFrame = z.strictObject({
  type: type('order-refused'),
  orderDigest: Digest,
  code: ResultCode,
});

/** A signed `TaskResult`; sent again, also in later sessions, until it is acknowledged. */
export const ResultFrame = z.strictObject({ type: type('result'), result: Signed });
export const ResultAckFrame = z.strictObject({ type: type('result-ack'), taskId: TaskId });

/** A rotated sealing key. */
export const SealingKeyFrame = z.strictObject({ type: type('sealing-key'), sealingKey: Signed });

/** A newer key set while a session lasts. */
export const KeySetFrame = z.strictObject({ type: type('key-set'), keySet: Signed });
/** The agent's word on a key set that it did not take. */
export const KeySetRefusedFrame = z.strictObject({
  type: type('key-set-refused'),
  code: KeySetCode,
});

/** The agent ends its session on purpose: not a loss. */
export const GoodbyeFrame = z.strictObject({
  type: type('goodbye'),
  /** `instance-stopping`: the machine shuts down; the others: only the agent does. */
  reason: z.enum(['instance-stopping', 'agent-stopping', 'agent-updating', 'uninstalled']),
});

/** The control plane shuts down: come back after a delay chosen evenly from this span. */
export const DrainFrame = z
  .strictObject({
    type: type('drain'),
    reconnectAfterMsMin: DurationMs.max(600_000),
    reconnectAfterMsMax: DurationMs.max(600_000),
  })
  .refine((drain) => drain.reconnectAfterMsMin <= drain.reconnectAfterMsMax, 'the span must not end before it starts');

export const AgentFrame = z.discriminatedUnion('type', [
  HelloFrame,
  AgentProofFrame,
  HealthFrame,
  LivenessAnswerFrame,
  TaskProgressFrame,
  OrderRefusedFrame,
  ResultFrame,
  SealingKeyFrame,
  KeySetRefusedFrame,
  GoodbyeFrame,
]);
export type AgentFrame = z.infer<typeof AgentFrame>;
/** One kind of an agent's frames, by its `type`. */
export type AgentFrameOf<T extends AgentFrame['type']> = Extract<AgentFrame, { type: T }>;

export const ServerFrame = z.discriminatedUnion('type', [
  ServerProofFrame,
  WelcomeFrame,
  LivenessChallengeFrame,
  HealthRequestFrame,
  OrderFrame,
  ResultAckFrame,
  KeySetFrame,
  DrainFrame,
]);
export type ServerFrame = z.infer<typeof ServerFrame>;
/** One kind of the control plane's frames, by its `type`. */
export type ServerFrameOf<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

export type DecodedFrame<T> = { ok: true; frame: T } | { ok: false; reason: 'frame-malformed' | 'frame-too-large' };

function decode<S extends z.ZodType>(schema: S, text: string, bytesMax: number): DecodedFrame<z.infer<S>> {
  // UTF-8 is at least as long as UTF-16 code units, so this needs no encoding for what is clearly too large.
  if (text.length > bytesMax || utf8(text).length > bytesMax) return { ok: false, reason: 'frame-too-large' };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'frame-malformed' };
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? { ok: true, frame: parsed.data } : { ok: false, reason: 'frame-malformed' };
}

/** A frame from an agent, checked. `bytesMax` is smaller before the proof. */
export function decodeAgentFrame(text: string, bytesMax: number): DecodedFrame<AgentFrame> {
  return decode(AgentFrame, text, bytesMax);
}

/** A frame from the control plane, checked. */
export function decodeServerFrame(text: string, bytesMax: number): DecodedFrame<ServerFrame> {
  return decode(ServerFrame, text, bytesMax);
}

/** The text of a frame; both directions. */
export function encodeFrame(frame: AgentFrame | ServerFrame): string {
  return JSON.stringify(frame);
}
