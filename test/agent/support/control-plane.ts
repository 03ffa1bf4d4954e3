import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  DEFAULT_PASSWORD_POLICY,
  fromBase64Url,
  parseJsonBytes,
  sealPassword,
  sessionBindingOf,
  signBytes,
  signJson,
  toBase64Url,
  transcriptBytes,
  utf8,
  type AgentFrame,
  type Digest,
  type InstanceId,
  type KeySet,
  type KeySetEntry,
  type Nonce,
  type Order,
  type ResetId,
  type SealingKeyStatement,
  type ServerFrame,
  type SessionId,
  type Signed,
  type SignedScript,
  type Signer,
  type TaskId,
  type Transcript,
  SealingKeyStatement as SealingKeyStatementSchema,
} from '#protocol';
import { newSigner } from '../../support/keys.ts';

type Hello = Extract<AgentFrame, { type: 'hello' }>;
type ServerProof = Extract<ServerFrame, { type: 'server-proof' }>;
export type OrderFrame = Extract<ServerFrame, { type: 'order' }>;

export const GOOD_PASSWORD = 'Correct-Horse-7';
export const SCRIPT = utf8('#!/bin/sh\n# stands for the reset script\n');

export const entryOf = (signer: Signer, role: KeySetEntry['role'], status: KeySetEntry['status'] = 'active') => {
  return { role, publicKey: signer.publicKey, key: signer.key, status } satisfies KeySetEntry;
};

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64url') as Digest;
export const newNonce = () => toBase64Url(randomBytes(32)) as Nonce;

/** The keys of a control plane, and what it signs with them; says whatever a test wants it to. */
export class ControlPlane {
  readonly scriptKey: Signer;
  readonly orderKey: Signer;
  readonly keySet: KeySet;
  readonly signedKeySet: Signed;
  readonly script: SignedScript;

  private constructor(parts: Pick<ControlPlane, 'scriptKey' | 'orderKey' | 'keySet' | 'signedKeySet' | 'script'>) {
    this.scriptKey = parts.scriptKey;
    this.orderKey = parts.orderKey;
    this.keySet = parts.keySet;
    this.signedKeySet = parts.signedKeySet;
    this.script = parts.script;
  }

  static async create(): Promise<ControlPlane> {
    const [scriptKey, orderKey] = [await newSigner(), await newSigner()];
    const keySet: KeySet = {
      v: 1,
      version: 3,
      serverId: scriptKey.key,
      keys: [entryOf(scriptKey, 'script'), entryOf(orderKey, 'order')],
      issuedAt: 1_700_000_000_000,
    };
    const signedKeySet = await signJson(scriptKey, 'key-set', keySet);
    return new ControlPlane({ scriptKey, orderKey, keySet, signedKeySet, script: await scriptBy(scriptKey) });
  }

  /** The proof for a hello; `change` makes it a wrong one. */
  async prove(
    hello: Hello,
    change: Partial<ServerProof> = {},
    signer = this.orderKey,
  ): Promise<{ proof: ServerProof; transcript: Transcript }> {
    const transcript: Transcript = {
      v: 1,
      protocol: 1,
      role: hello.role,
      instanceId: hello.instanceId,
      identity: hello.identity,
      serverId: this.keySet.serverId,
      agentNonce: hello.nonce,
      serverNonce: newNonce(),
    };
    const { signature } = await signBytes(signer, 'session-server', transcriptBytes(transcript));
    const { serverId, serverNonce: nonce } = transcript;
    const proof: ServerProof = {
      ...{ type: 'server-proof', protocol: 1, serverId, nonce, key: signer.key, signature, keySet: null },
      ...change,
    };
    return { proof, transcript };
  }

  welcome(clock: number, continuity = newNonce()): Extract<ServerFrame, { type: 'welcome' }> {
    return { type: 'welcome', sessionId: randomUUID() as SessionId, continuity, clock };
  }

  /** The same keys with another of something, signed by `signer`. */
  async nextKeySet(change: Partial<KeySet>, signer = this.scriptKey): Promise<Signed> {
    return signJson(signer, 'key-set', { ...this.keySet, version: this.keySet.version + 1, ...change });
  }

  /** An order for the session of that transcript. */
  async order(
    to: { readonly transcript: Transcript; readonly sealingKey: Signed; readonly now: number },
    change: Partial<Order> = {},
    password: string | Uint8Array = GOOD_PASSWORD,
  ): Promise<Order> {
    const statement = statementOf(to.sealingKey);
    const { instanceId, identity } = to.transcript;
    const plain: Omit<Order, 'sealed'> = {
      ...{ v: 1, taskId: randomUUID() as TaskId, resetId: randomUUID() as ResetId, instanceId, identity },
      ...{ account: 'alice' as Order['account'], mode: 'online', generation: 1, privileged: false },
      options: { unlock: false, unexpire: false, mustChange: false },
      scriptDigest: digestOf(SCRIPT),
      notAfter: to.now + 600_000,
      passwordPolicy: DEFAULT_PASSWORD_POLICY,
      sessionBinding: await sessionBindingOf(to.transcript),
      ...{ sessionAgeMs: 0, lifetimeMs: 60_000 },
      ...change,
    };
    const { account, resetId, mode, options, notAfter } = plain;
    const context = {
      instanceId: plain.instanceId,
      identity: plain.identity,
      account,
      resetId,
      mode,
      options,
      notAfter,
    };
    const bytes = typeof password === 'string' ? utf8(password) : password;
    const sealed = change.sealed ?? (await sealPassword(statement, context, bytes));
    return { ...plain, sealed };
  }

  async frameOf(order: unknown, signer = this.orderKey, script = this.script): Promise<OrderFrame> {
    return { type: 'order', order: await signJson(signer, 'order', order), script };
  }
}

export async function scriptBy(signer: Signer, change: Record<string, unknown> = {}): Promise<SignedScript> {
  const body = { v: 1, name: 'reset-linux', os: 'linux', version: 1, digest: digestOf(SCRIPT), ...change };
  return { statement: await signJson(signer, 'script', body), bytes: toBase64Url(SCRIPT) };
}

export function statementOf(certificate: Signed): SealingKeyStatement {
  const opened = parseJsonBytes(SealingKeyStatementSchema, fromBase64Url(certificate.bytes));
  if (!opened.ok) throw new Error('not a sealing key statement');
  return opened.body;
}

export const newInstanceId = () => randomUUID() as InstanceId;
