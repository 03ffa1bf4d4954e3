import { createEnroller, type Enrol } from './fuzz/agents.ts';
import { NO_LIMITS, startServerUnderTest, type ServerUnderTest } from './fuzz/server.ts';
import { createDialer, type Dial } from './fuzz/tls.ts';
import { openBrowser, type Browser } from './browser.ts';
import { connectTalking, type Says, type TalkingAgent } from './console-agents.ts';

/** A control plane on loopback, agents that speak the protocol to it, and browsers; no host is booted for it. */
export interface ConsoleServer extends AsyncDisposable {
  readonly server: ServerUnderTest;
  readonly enrol: Enrol;
  readonly dial: Dial;
  /** An instance of that name in the project `default`, with an agent that runs and says this. */
  agent(name: string, says?: Says): Promise<TalkingAgent>;
  /** Another browser, that nobody has signed in with. */
  browser(): Promise<Browser>;
}

export async function openConsoleServer(): Promise<ConsoleServer> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startServerUnderTest(NO_LIMITS));
  const enrol = await createEnroller(server, 'default');
  const dial = createDialer(server.door);
  const parts = stack.move();
  return {
    ...{ server, enrol, dial },
    async agent(name, says = {}) {
      const { agent, socket } = await connectTalking(dial, await enrol(name), says);
      parts.defer(() => socket.drop());
      await agent.frame('health-request');
      return agent;
    },
    async browser() {
      return parts.use(await openBrowser(server.url, server.door.port));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
