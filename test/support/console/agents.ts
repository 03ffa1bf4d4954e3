import {
  Order,
  fromBase64Url,
  parseJsonBytes,
  type AgentFrame,
  type CloseReason,
  type Signed,
  type TaskResult,
} from '#protocol';
import type { Connection, ConnectionHandler } from '../../../control-plane/server/gateway/connection.ts';
import { FakeAgent, type FakeIdentity } from '../fake-agent.ts';
import { openRawWebSocket } from '../fuzz/raw-websocket.ts';
import type { Dial } from '../fuzz/tls.ts';
import type { Member } from './fleet.ts';

/** What an instance makes of an order: what differs from a success proven by a login, or nothing until it is let. */
export type Fate = Partial<TaskResult> | 'held';

/** A member of the fleet with a session. */
export class MemberAgent extends FakeAgent {
  /** Asked for every order. */
  fate: (order: Order) => Fate = () => ({});
  readonly #held: Order[] = [];

  readonly #member: Member;

  constructor(member: Member, identity: FakeIdentity, accept: (connection: Connection) => ConnectionHandler) {
    super(identity, accept);
    this.#member = member;
    this.components = member.components;
  }

  override send(frame: AgentFrame): void {
    if (frame.type !== 'agent-proof') {
      super.send(frame);
      return;
    }
    const { name, version, osVersion } = this.#member;
    const facts = { ...frame.facts, hostname: name, osVersion, kernel: '6.12.48+deb13-amd64' };
    super.send({ ...frame, agentVersion: version, facts });
  }

  override async obey(signed: Signed): Promise<void> {
    const opened = parseJsonBytes(Order, fromBase64Url(signed.bytes));
    if (!opened.ok) throw new Error('the control plane sent a bad order');
    const order = opened.body;
    this.send({ type: 'task-progress', taskId: order.taskId, state: 'accepted' });
    this.send({ type: 'task-progress', taskId: order.taskId, state: 'running' });
    const fate = this.fate(order);
    if (fate === 'held') this.#held.push(order);
    else await this.report(order, { ...timesOf(order), ...fate });
  }

  /** Reports on what it was holding. */
  async letGo(): Promise<void> {
    for (const order of this.#held.splice(0)) await this.report(order, timesOf(order));
  }
}

/** As long as it takes on a machine of this kind; the same for the same task. */
function timesOf({ taskId }: Order): Pick<TaskResult, 'appliedMs' | 'verifiedMs'> {
  const chance = Number.parseInt(taskId.slice(0, 4), 16) / 0xffff;
  const appliedMs = Math.round(31 + 40 * chance);
  return { appliedMs, verifiedMs: appliedMs + Math.round(48 + 30 * chance) };
}

/** Connects it over TLS, as agents do; resolves once it is welcome. */
export async function connectMember(dial: Dial, member: Member, identity: FakeIdentity) {
  const socket = await openRawWebSocket(dial);
  if (socket === null) throw new Error(`the gateway refused the upgrade of ${member.name}`);
  const agent = new MemberAgent(member, identity, (connection) => {
    socket.onText = (text) => connection.send(text);
    socket.onEnd = ({ reason }) => connection.close(reason as CloseReason);
    return { onText: (text) => socket.text(text), onClosed: () => socket.drop() };
  });
  agent.hello();
  await agent.frame('welcome');
  return { agent, drop: () => socket.drop() };
}
