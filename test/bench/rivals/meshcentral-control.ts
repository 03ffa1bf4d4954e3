import { once } from 'node:events';
import { WebSocket } from 'ws';

const ANSWER_MS_MAX = 60_000;

export interface MeshNode {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
}

/** The WebSocket that its console uses. */
export interface Control extends AsyncDisposable {
  /** Resolves to the id of the new group of devices. */
  createGroup(name: string): Promise<string>;
  nodes(): Promise<MeshNode[]>;
  /** Runs a shell command as root on a device; resolves to what it printed. */
  command(nodeId: string, shell: string): Promise<string>;
}

interface Message {
  readonly action?: string;
  readonly type?: string;
  readonly responseid?: string;
  readonly result?: unknown;
  readonly meshid?: string;
  readonly nodes?: Record<string, readonly { _id: string; name: string; conn?: number }[]>;
}

/** The bit of `conn` that stands for its agent. */
const AGENT_CONNECTED = 1;

export async function openControl(to: { port: number; ca: string; user: string; password: string }): Promise<Control> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const socket = new WebSocket(`wss://127.0.0.1:${to.port}/control.ashx`, {
    ca: to.ca,
    // Its certificate names no address, only its own authority.
    checkServerIdentity: () => false, // no objection
    headers: { 'x-meshauth': `${base64(to.user)},${base64(to.password)}` },
  });
  const waiting = new Map<string, { accept(message: Message): boolean }>();
  let asked = 0;
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString('utf8')) as Message;
    const waiter = waiting.get(message.responseid ?? '');
    if (waiter?.accept(message) === true) waiting.delete(message.responseid ?? '');
  });
  await once(socket, 'open');
  // Whoever waits learns that it is gone from the answers that do not come.
  socket.on('error', (error) => {
    console.error(`bench: MeshCentral's console: ${error.message}`);
  });

  const ask = (request: object, isAnswer: (message: Message) => boolean): Promise<Message> =>
    new Promise((resolve, reject) => {
      asked += 1;
      const responseid = `bench-${asked}`;
      const timer = setTimeout(() => {
        waiting.delete(responseid);
        reject(new Error('MeshCentral does not answer'));
      }, ANSWER_MS_MAX);
      const accept = (message: Message): boolean => {
        if (!isAnswer(message)) return false;
        clearTimeout(timer);
        resolve(message);
        return true;
      };
      if (socket.readyState !== WebSocket.OPEN) {
        clearTimeout(timer);
        reject(new Error('MeshCentral has closed the connection of its console'));
        return;
      }
      waiting.set(responseid, { accept });
      socket.send(JSON.stringify({ ...request, responseid }));
    });

  return {
    async createGroup(name) {
      const { meshid } = await ask({ action: 'createmesh', meshname: name, meshtype: 2 }, () => true);
      if (meshid === undefined) throw new Error('MeshCentral makes no group');
      return meshid;
    },
    async nodes() {
      const { nodes = {} } = await ask({ action: 'nodes' }, () => true);
      return Object.values(nodes)
        .flat()
        .map(({ _id, name, conn = 0 }) => ({ id: _id, name, connected: (conn & AGENT_CONNECTED) !== 0 }));
    },
    async command(nodeId, shell) {
      const request = { action: 'runcommands', nodeids: [nodeId], type: 3, cmds: shell, runAsUser: 0, reply: true };
      // First comes the word that it was sent, then what the agent says.
      const isAnswer = ({ action, type, result }: Message): boolean =>
        type === 'runcommands' || (action === 'runcommands' && result !== 'OK');
      const { type, result } = await ask(request, isAnswer);
      const text = typeof result === 'string' ? result : JSON.stringify(result);
      if (type !== 'runcommands') throw new Error(`MeshCentral refuses a command: ${text}`);
      return text;
    },
    async [Symbol.asyncDispose]() {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = once(socket, 'close');
      socket.terminate();
      await closed;
    },
  };
}
