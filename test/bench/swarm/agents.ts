import {
  encodeFrame,
  fromBase64Url,
  fromUtf8,
  sealedDigest,
  signJson,
  signingInput,
  toBase64Url,
  transcriptBytes,
  InstanceId,
  InstanceName,
  Nonce,
  ProjectName,
  type AgentFrame,
  type Order,
  type SealingKeyStatement,
  type ServerFrame,
  type Signed,
  type Signer,
  type TaskResult,
} from '#protocol';
import { createAgentCrypto, createIdentity } from '../../../agent/node/crypto.ts';
import { systemClock, systemRandom } from '../../../control-plane/server/runtime.ts';
import { newInstance } from '../../../control-plane/server/service/instance-service.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { Shift } from './shift.ts';
import { openWire, type Wire, type WireTarget } from './wire.ts';

const INSTANCES_PER_TRANSACTION = 500;
const SEALING_KEY_LIFETIME_MS = 86_400_000;
/** About what the agent says of a Debian machine. */
const COMPONENTS = ['account-database', 'script-runner', 'authentication', 'journal', 'trust', 'disk', 'clock'];

/** What connects: an agent with its whole handshake, or a socket that does the upgrade and nothing else. */
export interface Peer {
  /** Resolves when it has a session; rejects when the connection ends before. */
  connect(target: WireTarget): Promise<void>;
  readonly connected: boolean;
  end(): void;
}

/** A socket of a bare `ws`. */
export function createBarePeer(): Peer {
  let wire: Wire | null = null;
  return {
    connect: (target) =>
      new Promise((resolve, reject) => {
        wire = openWire(target, {
          onOpen: resolve,
          onText: () => undefined,
          onClosed: (why) => {
            wire = null;
            reject(new Error(why));
          },
        });
      }),
    get connected() {
      return wire !== null;
    },
    end: () => wire?.end(),
  };
}

/** Makes so many agents and writes them into the store of a control plane that is stopped, as if they had enrolled. */
export async function enrolAgents(databaseFile: string, count: number, shift: Shift): Promise<Peer[]> {
  const store = await openSqliteStore({ path: databaseFile });
  const peers: Peer[] = [];
  for (let from = 0; from < count; from += INSTANCES_PER_TRANSACTION) {
    const size = Math.min(INSTANCES_PER_TRANSACTION, count - from);
    const agents = await Promise.all(Array.from({ length: size }, newAgent));
    await store.transaction(async (tx) => {
      for (const { id, signer } of agents) {
        const name = InstanceName.parse(`swarm-${id}`);
        const fresh = newInstance(
          { clock: systemClock, random: systemRandom },
          { name, os: 'linux', project: ProjectName.parse('default'), tags: {} },
        );
        const identity = { identity: signer.key, identityKey: signer.publicKey, agentState: 'offline' } as const;
        await tx.instances.insert({ ...fresh, id, ...identity });
      }
    });
    peers.push(...agents.map((agent) => new SimulatedAgent(agent, shift)));
  }
  await store.close();
  return peers;
}

interface AgentIdentity {
  readonly id: InstanceId;
  readonly signer: Signer;
  readonly sealingKey: Signed;
}

async function newAgent(): Promise<AgentIdentity> {
  const { signer } = await createIdentity();
  const id = InstanceId.parse(systemRandom.uuid());
  const { keyId, publicKey } = await createAgentCrypto(signer).createSealingKey();
  const notAfter = systemClock.now() + SEALING_KEY_LIFETIME_MS;
  const statement = { v: 1, instanceId: id, identity: signer.key, keyId, publicKey, epoch: 1, notAfter } as const;
  const sealingKey = await signJson(signer, 'sealing-key', statement satisfies SealingKeyStatement);
  return { id, signer, sealingKey };
}

/** The agent's side of the protocol, without what only a real one needs: it does not check the control plane's proof. */
class SimulatedAgent implements Peer {
  readonly #identity: AgentIdentity;
  readonly #shift: Shift;
  #continuity: Nonce | null = null;
  #wire: Wire | null = null;

  constructor(identity: AgentIdentity, shift: Shift) {
    this.#identity = identity;
    this.#shift = shift;
  }

  get connected(): boolean {
    return this.#wire !== null;
  }

  end(): void {
    this.#wire?.end();
  }

  connect(target: WireTarget): Promise<void> {
    return new Promise((resolve, reject) => {
      const nonce = toBase64Url(systemRandom.bytes(32)) as Nonce;
      const wire = openWire(target, {
        onOpen: () => {
          this.#hello(nonce);
        },
        onText: (text) => {
          // What a control plane of this very checkout sends needs no check by schema here.
          const frame = JSON.parse(text) as ServerFrame;
          this.#answer(frame, nonce).catch(reject);
          if (frame.type === 'welcome') resolve();
        },
        onClosed: (why) => {
          if (this.#wire === wire) this.#wire = null;
          reject(new Error(why));
        },
      });
      this.#wire = wire;
    });
  }

  #send(frame: AgentFrame): void {
    this.#wire?.send(encodeFrame(frame));
  }

  #hello(nonce: Nonce): void {
    const { id, signer } = this.#identity;
    const who = { instanceId: id, identity: signer.key, nonce };
    this.#send({ type: 'hello', protocols: [1], role: 'agent', ...who, keySetVersion: 1 });
  }

  async #answer(frame: ServerFrame, nonce: Nonce): Promise<void> {
    switch (frame.type) {
      case 'server-proof':
        return this.#prove(frame, nonce);
      case 'welcome':
        this.#continuity = frame.continuity;
        return;
      case 'health-request': {
        const components = Object.fromEntries(COMPONENTS.map((name) => [name, { state: 'ok' } as const]));
        this.#send({ type: 'health', sequence: 1, full: true, components });
        return;
      }
      case 'liveness-challenge':
        this.#send({ type: 'liveness-answer', challenge: frame.challenge });
        return;
      case 'order':
        return this.#carryOut(frame);
      case 'result-ack':
      case 'key-set':
      case 'drain':
        return;
      default:
        return frame satisfies never;
    }
  }

  /** Says what an agent says of an order that it carries out; nothing is reset, and the seal stays shut. */
  async #carryOut({ order: { bytes } }: Extract<ServerFrame, { type: 'order' }>): Promise<void> {
    const order = JSON.parse(fromUtf8(fromBase64Url(bytes))) as Order;
    const { taskId, resetId, instanceId, account, generation } = order;
    this.#send({ type: 'task-progress', taskId, state: 'accepted' });
    this.#send({ type: 'task-progress', taskId, state: 'running' });
    const tookMs = await this.#shift.work();
    const about = { taskId, resetId, instanceId, account, generation, sealedDigest: await sealedDigest(order.sealed) };
    const proof = { warnings: [], appliedMs: Math.round(tookMs / 2), verifiedMs: tookMs };
    const outcome = { state: 'succeeded', code: null, detail: null, verifiedBy: 'login' } as const;
    const result = { v: 1, ...about, ...outcome, ...proof } satisfies TaskResult;
    this.#send({ type: 'result', result: await signJson(this.#identity.signer, 'result', result) });
  }

  async #prove(frame: Extract<ServerFrame, { type: 'server-proof' }>, nonce: Nonce): Promise<void> {
    const { id, signer, sealingKey } = this.#identity;
    const { protocol, serverId } = frame;
    const who = { instanceId: id, identity: signer.key, serverId, agentNonce: nonce, serverNonce: frame.nonce };
    const transcript = transcriptBytes({ v: 1, protocol, role: 'agent', ...who });
    const signature = toBase64Url(await signer.sign(signingInput('session-agent', transcript)));
    const machine = { hostname: 'swarm', osVersion: 'Debian GNU/Linux 12', kernel: '6.1.0-40-amd64', bootId: 'swarm' };
    this.#send({
      ...{ type: 'agent-proof', signature, continuity: this.#continuity, agentVersion: '0.1.0', sealingKey },
      ...{ facts: { os: 'linux', architecture: 'x64', ...machine }, generations: [], clock: systemClock.now() },
    });
  }
}
