import {
  Order,
  decodeServerFrame,
  encodeFrame,
  fromBase64Url,
  parseJsonBytes,
  sealedDigest,
  sessionBindingOf,
  signJson,
  signingInput,
  thumbprintOf,
  toBase64Url,
  transcriptBytes,
  randomBytes,
  type AgentFrame,
  type CloseReason,
  type ComponentMap,
  type Digest,
  type InstanceId,
  type Nonce,
  type SealingKeyStatement,
  type ServerFrame,
  type Signed,
  type Signer,
  type TaskResult,
  type Transcript,
} from '#protocol';
import type { Connection, ConnectionHandler } from '../../control-plane/server/gateway/connection.ts';
import { newSealingPair, newSigner } from './keys.ts';

/** An identity of a test, with the sealing key that it vouches for. */
export interface FakeIdentity {
  readonly instanceId: InstanceId;
  readonly signer: Signer;
  readonly sealingKey: Signed;
  readonly statement: SealingKeyStatement;
  readonly sealingPrivateKey: Uint8Array;
  continuity: Nonce | null;
}

export async function newIdentity(instanceId: InstanceId): Promise<FakeIdentity> {
  const signer = await newSigner();
  const pair = newSealingPair();
  const statement: SealingKeyStatement = {
    v: 1,
    instanceId,
    identity: signer.key,
    keyId: await thumbprintOf(pair.publicKey, 'X25519'),
    publicKey: pair.publicKey,
    epoch: 1,
    notAfter: Date.now() + 86_400_000,
  };
  const sealingKey = await signJson(signer, 'sealing-key', statement);
  return { instanceId, signer, sealingKey, statement, sealingPrivateKey: pair.privateKey, continuity: null };
}

/** What the fake does by itself; everything else a test sends by hand. */
export interface FakeAgentHabits {
  /** Echo liveness challenges. */
  readonly alive: boolean;
  /** What it says to an order. */
  readonly result: 'succeeded' | 'failed' | 'none';
}

/** Speaks the agent's side of the protocol over a connection that lives in memory. */
export class FakeAgent {
  readonly identity: FakeIdentity;
  readonly received: ServerFrame[] = [];
  closedFor: CloseReason | null = null;
  habits: FakeAgentHabits;
  /** What it says of its health when it is asked. */
  components: ComponentMap = { disk: { state: 'ok' } };
  binding: Digest | null = null;
  readonly #handler: ConnectionHandler;
  readonly #nonce = toBase64Url(randomBytes(32)) as Nonce;
  #sequence = 0;

  constructor(
    identity: FakeIdentity,
    accept: (connection: Connection) => ConnectionHandler,
    habits: FakeAgentHabits = { alive: true, result: 'succeeded' },
  ) {
    this.identity = identity;
    this.habits = habits;
    this.#handler = accept({
      source: '127.0.0.1',
      send: (text) => {
        // Delivered later, like a network does.
        setImmediate(() => {
          this.#onText(text);
        });
      },
      close: (reason) => {
        this.closedFor = reason;
        setImmediate(() => {
          this.#handler.onClosed();
        });
      },
    });
  }

  send(frame: AgentFrame): void {
    this.#handler.onText(encodeFrame(frame));
  }

  sendText(text: string): void {
    this.#handler.onText(text);
  }

  drop(): void {
    this.#handler.onClosed();
  }

  hello(change: Partial<Extract<AgentFrame, { type: 'hello' }>> = {}): void {
    const { instanceId, signer } = this.identity;
    this.send({
      type: 'hello',
      protocols: [1],
      role: 'agent',
      instanceId,
      identity: signer.key,
      nonce: this.#nonce,
      keySetVersion: 1,
      ...change,
    });
  }

  /** The first frame of that type, now or later. */
  async frame<T extends ServerFrame['type']>(type: T): Promise<Extract<ServerFrame, { type: T }>> {
    return until(() => this.received.find((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type));
  }

  #onText(text: string): void {
    const decoded = decodeServerFrame(text, 256 * 1024);
    if (!decoded.ok) throw new Error(`the control plane sent a bad frame: ${text.slice(0, 200)}`);
    this.received.push(decoded.frame);
    this.#react(decoded.frame).catch((error: unknown) => {
      throw error;
    });
  }

  async #react(frame: ServerFrame): Promise<void> {
    switch (frame.type) {
      case 'server-proof':
        return this.#prove(frame);
      case 'welcome':
        this.identity.continuity = frame.continuity;
        return;
      case 'health-request':
        this.#sequence += 1;
        this.send({ type: 'health', sequence: this.#sequence, full: true, components: this.components });
        return;
      case 'liveness-challenge':
        if (this.habits.alive) this.send({ type: 'liveness-answer', challenge: frame.challenge });
        return;
      case 'order':
        return this.obey(frame.order);
      case 'result-ack':
      case 'key-set':
      case 'drain':
        return;
      default:
        return frame satisfies never;
    }
  }

  async #prove(frame: Extract<ServerFrame, { type: 'server-proof' }>): Promise<void> {
    const transcript: Transcript = {
      v: 1,
      protocol: frame.protocol,
      role: 'agent',
      instanceId: this.identity.instanceId,
      identity: this.identity.signer.key,
      serverId: frame.serverId,
      agentNonce: this.#nonce,
      serverNonce: frame.nonce,
    };
    this.binding = await sessionBindingOf(transcript);
    const signature = await this.identity.signer.sign(signingInput('session-agent', transcriptBytes(transcript)));
    this.send({
      type: 'agent-proof',
      signature: toBase64Url(signature),
      continuity: this.identity.continuity,
      agentVersion: '0.0.0-test',
      facts: { os: 'linux', hostname: 'fake', osVersion: 'test', kernel: 'test', architecture: 'x64', bootId: 'test' },
      sealingKey: this.identity.sealingKey,
      generations: [],
      clock: Date.now(),
    });
  }

  /** Does what its habits say to an order; does nothing where they say none. */
  async obey(signed: Signed): Promise<void> {
    if (this.habits.result === 'none') return;
    const opened = parseJsonBytes(Order, fromBase64Url(signed.bytes));
    if (!opened.ok) throw new Error('the control plane sent a bad order');
    const order = opened.body;
    this.send({ type: 'task-progress', taskId: order.taskId, state: 'accepted' });
    this.send({ type: 'task-progress', taskId: order.taskId, state: 'running' });
    await this.report(order);
  }

  async report(order: Order, change: Partial<TaskResult> = {}): Promise<void> {
    const succeeded = this.habits.result === 'succeeded';
    const result: TaskResult = {
      v: 1,
      taskId: order.taskId,
      resetId: order.resetId,
      instanceId: order.instanceId,
      account: order.account,
      generation: order.generation,
      sealedDigest: await sealedDigest(order.sealed),
      state: succeeded ? 'succeeded' : 'failed',
      code: succeeded ? null : 'script-failed',
      detail: null,
      verifiedBy: succeeded ? 'login' : null,
      warnings: [],
      appliedMs: 1,
      verifiedMs: 2,
      ...change,
    };
    this.send({ type: 'result', result: await signJson(this.identity.signer, 'result', result) });
  }
}

/** Polls until the probe finds something; a promise of a test that is not kept fails it by its time limit. */
export async function until<T>(probe: () => T | null | undefined | Promise<T | null | undefined>): Promise<T> {
  for (;;) {
    const found = await probe();
    if (found !== null && found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
