import { randomBytes } from 'node:crypto';
import {
  fromBase64Url,
  parseJsonBytes,
  TaskResult,
  utf8,
  type AgentFrame,
  type InstanceId,
  type Order,
  type ServerFrame,
  type Signed,
  type TaskId,
  type Transcript,
} from '#protocol';
import { createAgent, type Agent, type AgentOptions } from '../../../agent/agent.ts';
import { KEY_SET } from '../../../agent/core/trust.ts';
import { OPEN_POLICY, type LocalPolicy } from '../../../agent/domain/policy.ts';
import { createAgentCrypto, createIdentity } from '../../../agent/node/crypto.ts';
import type { AgentCrypto, AgentStatus, Clock, Log } from '../../../agent/ports.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ControlPlane, newInstanceId } from './control-plane.ts';
import { FakeInstance } from './fake-instance.ts';
import { eventually, FakeWire, type FakeLine } from './fake-wire.ts';
import { MemoryStorage } from './memory-storage.ts';

type AgentProof = Extract<AgentFrame, { type: 'agent-proof' }>;

/** A live session, from the control plane's end. */
export interface LiveSession {
  readonly line: FakeLine;
  readonly transcript: Transcript;
  readonly agentProof: AgentProof;
}

/** A machine with an agent on it: real decisions and real cryptography; clock, disk, network and accounts are the test's. */
export class AgentWorld {
  readonly controlPlane: ControlPlane;
  readonly crypto: AgentCrypto;
  readonly instanceId: InstanceId = newInstanceId();
  readonly clock = new FakeClock();
  readonly instance = new FakeInstance();
  readonly logged: string[] = [];
  readonly published: AgentStatus[] = [];
  storage: MemoryStorage;
  wire = new FakeWire();
  policy: LocalPolicy | null = OPEN_POLICY;
  fraction = 0;
  agent: Agent;

  private constructor(controlPlane: ControlPlane, crypto: AgentCrypto) {
    this.controlPlane = controlPlane;
    this.crypto = crypto;
    this.storage = new MemoryStorage(new Map([[KEY_SET, utf8(JSON.stringify(controlPlane.signedKeySet))]]));
    this.agent = createAgent(this.#options());
  }

  static async create(): Promise<AgentWorld> {
    const { signer } = await createIdentity();
    return new AgentWorld(await ControlPlane.create(), createAgentCrypto(signer));
  }

  /** One that has just come up. */
  static async started(): Promise<AgentWorld> {
    const world = await AgentWorld.create();
    await world.agent.start();
    return world;
  }

  /** The process is gone, its promises with it; the next one finds what was on disk. */
  async restart(): Promise<void> {
    this.crash();
    await this.agent.start();
  }

  /** Like it, but the next process is not started yet. */
  crash(): void {
    this.storage.die();
    this.storage = new MemoryStorage(this.storage.files);
    this.wire = new FakeWire();
    this.agent = createAgent(this.#options());
  }

  /** Takes the newest connection through the handshake. */
  async connect(clock = this.clock.now()): Promise<LiveSession> {
    const line = await this.wire.line(this.wire.lines.length || 1);
    const { transcript, agentProof } = await this.greet(line);
    line.say(this.controlPlane.welcome(clock));
    await line.frame('health');
    return { line, transcript, agentProof };
  }

  async greet(line: FakeLine): Promise<{ transcript: Transcript; agentProof: AgentProof }> {
    line.open();
    const { proof, transcript } = await this.controlPlane.prove(await line.frame('hello'));
    line.say(proof);
    return { transcript, agentProof: await line.frame('agent-proof') };
  }

  async order(session: LiveSession, change: Partial<Order> = {}, password?: string | Uint8Array): Promise<Order> {
    const { transcript, agentProof } = session;
    const to = { transcript, sealingKey: agentProof.sealingKey, now: this.clock.now() };
    return this.controlPlane.order(to, change, password);
  }

  /** Signs and sends it; resolves once the agent has dealt with everything that came before. */
  async send(session: LiveSession, order: unknown): Promise<void> {
    session.line.say(await this.controlPlane.frameOf(order));
    await this.barrier(session);
  }

  /** Frames are dealt with in order: when the answer to this is there, so are the answers to all before. */
  async barrier({ line }: Pick<LiveSession, 'line'>): Promise<void> {
    const before = line.frames('health').length;
    line.say({ type: 'health-request' });
    await eventually(() => line.frames('health').length > before);
  }

  /** The signed word on a task, opened. */
  async result({ line }: Pick<LiveSession, 'line'>, taskId: TaskId): Promise<TaskResult> {
    return eventually(() => this.results(line).find((result) => result.taskId === taskId));
  }

  results(line: FakeLine): TaskResult[] {
    return line.frames('result').map(({ result }) => openResult(result));
  }

  refusals(line: FakeLine): string[] {
    return line.frames('order-refused').map(({ code }) => code);
  }

  say(session: LiveSession, frame: ServerFrame): void {
    session.line.say(frame);
  }

  #options(): AgentOptions {
    const { storage } = this;
    // Timers die with their process.
    const clock: Clock = {
      now: () => this.clock.now(),
      monotonic: () => this.clock.monotonic(),
      after: (delayMs, run) =>
        this.clock.after(delayMs, () => {
          if (!storage.crashed) run();
        }),
    };
    const log = (fields: object, message: string) => {
      this.logged.push(`${message} ${JSON.stringify(fields)}`);
    };
    const quiet: Log = { info: log, warn: log, error: log };
    return {
      ...{ transport: this.wire, clock, storage, crypto: this.crypto, instance: this.instance, log: quiet },
      random: { bytes: (count) => randomBytes(count), fraction: () => this.fraction },
      policy: () => this.policy,
      ...{ instanceId: this.instanceId, serverId: this.controlPlane.keySet.serverId, agentVersion: '0.0.0-test' },
      publish: (status) => this.published.push(status),
    };
  }
}

export function openResult(signed: Signed): TaskResult {
  const opened = parseJsonBytes(TaskResult, fromBase64Url(signed.bytes));
  if (!opened.ok) throw new Error('not a result');
  return opened.body;
}
