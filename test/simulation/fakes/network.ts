import { CLOSE_CODES, type CloseReason } from '#protocol';
import type { Connection as AgentConnection, ConnectionHandlers } from '../../../agent/ports.ts';
import type { Connection, ConnectionHandler } from '../../../control-plane/server/gateway/connection.ts';
import type { Life } from '../engine/life.ts';
import { Lane, type LaneDeps } from './lane.ts';

/** How long a socket that was closed waits for the other side's answer before it is cut. */
const CLOSE_GRACE_MS = 2_000;

/** Hears what is said, as somebody in the middle would. */
export interface Tap {
  fromServer(link: Link, text: string): void;
  toAgent(link: Link, text: string): void;
  fromAgent(link: Link, text: string): void;
}

/** Where agents get through to; null while nobody listens. */
export interface Listener {
  readonly life: Life;
  accept(connection: Connection): ConnectionHandler;
}

export interface NetworkDeps extends LaneDeps {
  readonly tap: Tap;
}

/** The made-up network: what is dialed, what is on the way, and what gets lost. */
export class Network {
  readonly #deps: NetworkDeps;
  readonly #links = new Set<Link>();
  listener: Listener | null = null;

  constructor(deps: NetworkDeps) {
    this.#deps = deps;
  }

  /** Connections that at least one side believes in. */
  links(): readonly Link[] {
    return [...this.#links];
  }

  /** A connection of a machine's agent; nothing happens before this has returned. */
  dial(host: string, life: Life, handlers: ConnectionHandlers): Link {
    const link = new Link(this.#deps, { host, life, handlers, listener: () => this.listener });
    this.#links.add(link);
    link.onGone = () => this.#links.delete(link);
    return link;
  }
}

interface LinkEnds {
  readonly host: string;
  readonly life: Life;
  readonly handlers: ConnectionHandlers;
  readonly listener: () => Listener | null;
}

/**
 * One connection. Each side believes in it until it closes it, hears that the other did, or is killed; what one side
 * believes may stay hidden from the other for as long as the network likes: a half-open connection.
 */
export class Link {
  readonly host: string;
  /** The process that dialed. */
  readonly life: Life;
  readonly toServer: Lane;
  readonly toAgent: Lane;
  onGone: () => void = () => undefined;
  readonly #deps: NetworkDeps;
  readonly #handlers: ConnectionHandlers;
  #agentOpen = true;
  #server: { readonly life: Life; handler: ConnectionHandler | null; open: boolean } | null = null;

  constructor(deps: NetworkDeps, ends: LinkEnds) {
    this.#deps = deps;
    this.host = ends.host;
    this.life = ends.life;
    this.#handlers = ends.handlers;
    const cut = (): void => {
      this.cut();
    };
    this.toServer = new Lane(deps, { cut, deliver: (text) => this.#arriveAtServer(text) });
    this.toAgent = new Lane(deps, { cut, deliver: (text) => this.#arriveAtAgent(text) });
    this.life.atEnd(() => this.#agentKilled());
    this.toServer.control(() => this.#connect(ends.listener()));
  }

  /** The agent's end, as its port has it. */
  agentEnd(): AgentConnection {
    return {
      send: (text) => {
        if (!this.#agentOpen || this.life.hazard('before send')) return;
        this.#deps.tap.fromAgent(this, text);
        this.toServer.message(text);
        this.life.hazard('after send');
      },
      close: () => {
        if (!this.#agentOpen || this.life.isDead()) return;
        this.#agentOpen = false;
        this.toServer.control(() => this.#serverLost());
        this.#review();
      },
    };
  }

  /** Both sides hear that it broke. */
  cut(): void {
    this.toServer.control(() => this.#serverLost());
    this.toAgent.control(() => this.#agentLost(null, 'reset by peer'));
  }

  #connect(listener: Listener | null): void {
    if (listener === null || listener.life.isDead()) {
      this.toAgent.control(() => this.#agentLost(null, 'connection refused'));
      return;
    }
    const server = { life: listener.life, handler: null as ConnectionHandler | null, open: true };
    this.#server = server;
    listener.life.atEnd(() => this.#serverKilled());
    server.handler = listener.accept(this.#serverEnd(server));
    this.toAgent.control(() => {
      if (this.#agentOpen && !this.life.isDead()) this.#handlers.onOpen();
    });
  }

  #serverEnd(server: { readonly life: Life; handler: ConnectionHandler | null; open: boolean }): Connection {
    return {
      source: this.host,
      send: (text) => {
        if (!server.open || server.life.hazard('before send')) return;
        this.#deps.tap.fromServer(this, text);
        this.toAgent.message(text);
        server.life.hazard('after send');
      },
      close: (reason: CloseReason) => {
        if (!server.open || server.life.isDead()) return;
        server.open = false;
        this.toAgent.control(() => this.#agentLost(CLOSE_CODES[reason].close, reason));
        server.life.after(this.#deps.random.int(1, CLOSE_GRACE_MS), () => server.handler?.onClosed());
        this.#review();
      },
    };
  }

  #arriveAtServer(text: string): void {
    const server = this.#server;
    if (server?.open !== true || server.life.isDead()) return;
    server.handler?.onText(text);
  }

  #arriveAtAgent(text: string): void {
    if (!this.#agentOpen || this.life.isDead()) return;
    this.#deps.tap.toAgent(this, text);
    this.#handlers.onMessage(text);
  }

  #agentLost(code: number | null, detail: string): void {
    if (!this.#agentOpen || this.life.isDead()) return;
    this.#agentOpen = false;
    this.#handlers.onClose(code, detail);
    this.#review();
  }

  #serverLost(): void {
    const server = this.#server;
    if (server?.open !== true || server.life.isDead()) return;
    server.open = false;
    server.handler?.onClosed();
    this.#review();
  }

  #agentKilled(): void {
    if (!this.#agentOpen) return;
    this.#agentOpen = false;
    // The kernel says that the process is gone; unless the machine is gone with it, or nobody gets to hear it.
    if (this.#deps.random.chance(0.6)) this.toServer.control(() => this.#serverLost());
    this.#review();
  }

  #serverKilled(): void {
    if (this.#server?.open !== true) return;
    this.#server.open = false;
    if (this.#deps.random.chance(0.8)) this.toAgent.control(() => this.#agentLost(null, 'reset by peer'));
    this.#review();
  }

  #review(): void {
    if (!this.#agentOpen && this.#server?.open !== true) this.onGone();
  }
}
