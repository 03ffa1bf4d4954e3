import type { AgentFrame, CloseReason, Order, TaskResult } from '#protocol';
import type { Connection, ConnectionHandler } from '../../control-plane/server/gateway/connection.ts';
import { FakeAgent, type FakeIdentity } from './fake-agent.ts';
import { openRawWebSocket, type RawWebSocket } from './fuzz/raw-websocket.ts';
import type { Dial } from './fuzz/tls.ts';

type Proof = Extract<AgentFrame, { type: 'agent-proof' }>;

/** What an agent says of its machine and of its work, where it is free to say something. */
export interface Says {
  readonly facts?: Partial<Proof['facts']>;
  readonly agentVersion?: string;
  /** Of the disk, which it then reports as nearly full. */
  readonly healthDetail?: string;
  /** Of a reset, which it then reports as failed. */
  readonly resultDetail?: string;
}

/** Speaks the protocol over a real connection, with words of its own. */
export class TalkingAgent extends FakeAgent {
  readonly #says: Says;

  constructor(identity: FakeIdentity, accept: (connection: Connection) => ConnectionHandler, says: Says) {
    super(identity, accept);
    this.#says = says;
    const { healthDetail } = says;
    if (healthDetail === undefined) return;
    this.components = { disk: { state: 'failing', code: 'disk-low', detail: healthDetail } };
  }

  override send(frame: AgentFrame): void {
    if (frame.type !== 'agent-proof') {
      super.send(frame);
      return;
    }
    const { facts, agentVersion = frame.agentVersion } = this.#says;
    super.send({ ...frame, agentVersion, facts: { ...frame.facts, ...facts } });
  }

  override async report(order: Order, change: Partial<TaskResult> = {}): Promise<void> {
    const { resultDetail } = this.#says;
    if (resultDetail === undefined) return super.report(order, change);
    const failed = { state: 'failed', code: 'script-failed', verifiedBy: null, detail: resultDetail } as const;
    return super.report(order, { ...failed, ...change });
  }
}

/** Connects, and says hello; nobody waits for an answer. */
export async function connectTalking(
  dial: Dial,
  identity: FakeIdentity,
  says: Says,
): Promise<{ readonly agent: TalkingAgent; readonly socket: RawWebSocket }> {
  const socket = await openRawWebSocket(dial);
  if (socket === null) throw new Error('the gateway refused the upgrade of an agent');
  const accept = (connection: Connection): ConnectionHandler => {
    socket.onText = (text) => connection.send(text);
    socket.onEnd = ({ reason }) => connection.close(reason as CloseReason);
    return { onText: (text) => socket.text(text), onClosed: () => socket.drop() };
  };
  const agent = new TalkingAgent(identity, accept, says);
  agent.hello();
  return { agent, socket };
}
