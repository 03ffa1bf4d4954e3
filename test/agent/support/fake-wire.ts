import { decodeAgentFrame, encodeFrame, FRAME_BYTES_MAX, type AgentFrame, type ServerFrame } from '#protocol';
import type { Connection, ConnectionHandlers, Transport } from '../../../agent/ports.ts';

type FrameOf<T extends AgentFrame['type']> = Extract<AgentFrame, { type: T }>;

/** One connection as the control plane's end sees it. */
export class FakeLine {
  readonly sent: AgentFrame[] = [];
  /** What the agent closed it with. */
  closed: { readonly code: number; readonly reason: string } | null = null;
  readonly #handlers: ConnectionHandlers;

  constructor(handlers: ConnectionHandlers) {
    this.#handlers = handlers;
  }

  open(): void {
    this.#handlers.onOpen();
  }

  say(frame: ServerFrame): void {
    this.sayText(encodeFrame(frame));
  }

  sayText(text: string | null): void {
    if (this.closed === null) this.#handlers.onMessage(text);
  }

  /** The connection ends from the other side. */
  drop(code: number | null = null): void {
    this.#handlers.onClose(code, 'dropped by the test');
  }

  frames<T extends AgentFrame['type']>(type: T): FrameOf<T>[] {
    return this.sent.filter((frame): frame is FrameOf<T> => frame.type === type);
  }

  /** The frame of that type, now or later; the test's time limit is the deadline. */
  frame<T extends AgentFrame['type']>(type: T): Promise<FrameOf<T>> {
    return eventually(() => this.frames(type)[0]);
  }
}

/** A network that does what the test says. */
export class FakeWire implements Transport {
  readonly lines: FakeLine[] = [];
  /** The authorities that each was dialed with. */
  readonly authorities: (readonly string[] | null)[] = [];

  dial(handlers: ConnectionHandlers, authorities: readonly string[] | null): Connection {
    this.authorities.push(authorities);
    const line = new FakeLine(handlers);
    this.lines.push(line);
    return {
      send: (text) => {
        const decoded = decodeAgentFrame(text, FRAME_BYTES_MAX);
        if (!decoded.ok) throw new Error(`the agent sent a bad frame: ${text.slice(0, 200)}`);
        line.sent.push(decoded.frame);
      },
      close: (code, reason) => {
        line.closed = { code, reason };
      },
    };
  }

  /** The connection of that number, 1 the first, now or later. */
  line(number: number): Promise<FakeLine> {
    return eventually(() => this.lines[number - 1]);
  }
}

/** Looks again and again until there is something; the test's time limit is the deadline. */
export async function eventually<T>(probe: () => T | null | undefined | false): Promise<T> {
  for (;;) {
    const found = probe();
    if (found !== null && found !== undefined && found !== false) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
