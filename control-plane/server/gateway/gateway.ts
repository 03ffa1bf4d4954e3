import {
  FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
  UNPROVEN_FRAME_BYTES_MAX,
  decodeAgentFrame,
  encodeFrame,
  toBase64Url,
  type AgentFrame,
  type AgentFrameOf,
  type CloseReason,
  type InstanceId,
  type Nonce,
  type Verify,
} from '#protocol';
import { createRateLimiter, type RateLimiter } from '../domain/rate-limiter.ts';
import type { Background } from '../service/background.ts';
import type { Clock, Hash, Log, Random } from '../service/ports.ts';
import type { Repositories } from '../store/store.ts';
import type { Connection, ConnectionHandler } from './connection.ts';
import { introduce, prove, type Introduced, type Proven, type ServerIdentity } from './handshake.ts';
import { createSession, type Session } from './session.ts';
import type { SessionDirectory } from './session-directory.ts';

/** Frames that wait for one session at the same time; a peer that sends more is not one of ours. */
const QUEUED_FRAMES_MAX = 256;
/** An agent that comes back sends some hundred results at once at the most, and then a few frames a minute. */
const FRAMES_LIMIT = { burst: 1_000, perSecond: 50 };

/**
 * `overtaken`: the peer has begun, and ended, another handshake since it began this one. `copied`: its continuity shows
 * a copy, which by then is fenced.
 */
export type Continuation = 'continues' | 'overtaken' | 'copied';

const TURNED_AWAY = { overtaken: 'session-replaced', copied: 'fenced' } as const;

/** What the gateway hands on. Each call is awaited before the next frame of the same session is handed on. */
export interface GatewayListener {
  /** A peer has proven who it is. Records what it said and the continuity secret that it gets, if it may stay. */
  proven(proven: Proven, handedOver: Nonce): Promise<Continuation>;
  /** The session is the instance's one session now. */
  opened(session: Session): Promise<void>;
  /** The instance has no session any more. */
  lost(session: Session, why: 'goodbye' | 'liveness-missed' | 'closed'): Promise<void>;
  frame(session: Session, frame: SessionFrame): Promise<void>;
  /** A peer was turned away before it had proven anything. */
  refused(source: string, reason: CloseReason): void;
  /** Somebody named an instance and its identity, and speaks no version of the protocol that is spoken here. */
  incompatible(claimed: InstanceId): Promise<void>;
}

/** Frames of a proven session that the gateway does not answer itself. */
export type SessionFrame = Exclude<AgentFrame, { type: 'hello' | 'agent-proof' | 'liveness-answer' }>;

export interface GatewayDeps {
  readonly instances: Pick<Repositories['instances'], 'getPart'>;
  readonly identity: () => ServerIdentity;
  readonly verify: Verify;
  readonly hash: Hash;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly directory: SessionDirectory;
  readonly listener: GatewayListener;
  /** What of the peers is being worked off, also once their sockets are gone. */
  readonly background: Pick<Background, 'run'>;
}

type Phase =
  | { readonly name: 'hello' }
  | { readonly name: 'proof'; readonly introduced: Introduced }
  | { readonly name: 'open'; readonly session: Session }
  | { readonly name: 'closed' };

/** Takes an open socket; the handler is to be told everything that comes. */
export function acceptConnection(deps: GatewayDeps, connection: Connection): ConnectionHandler {
  return new Peer(deps, connection);
}

/** One peer from its first frame to its last: hello, proof, then a session. Frames are worked off one by one. */
class Peer implements ConnectionHandler {
  readonly #deps: GatewayDeps;
  readonly #connection: Connection;
  readonly #forgetDeadline: () => void;
  readonly #budget: RateLimiter;
  #phase: Phase = { name: 'hello' };
  #queued = 0;
  #turn: Promise<void> = Promise.resolve();
  #lostBecause: 'goodbye' | 'liveness-missed' | 'closed' = 'closed';

  constructor(deps: GatewayDeps, connection: Connection) {
    this.#deps = deps;
    this.#connection = connection;
    this.#budget = createRateLimiter(FRAMES_LIMIT, () => deps.clock.monotonic(), 1);
    this.#forgetDeadline = deps.clock.after(HANDSHAKE_MS_MAX, () => {
      this.#turnAway('handshake-timeout');
    });
  }

  onText(text: string): void {
    const phase = this.#phase;
    if (phase.name === 'closed') return;
    // Before anything is read: a flood costs a comparison each, and each change of health that it brings a write.
    if (this.#budget.take('frames') !== null) {
      this.#turnAway('too-many-frames');
      return;
    }
    const decoded = decodeAgentFrame(text, phase.name === 'open' ? FRAME_BYTES_MAX : UNPROVEN_FRAME_BYTES_MAX);
    if (!decoded.ok) {
      this.#turnAway(decoded.reason);
      return;
    }
    const frame = decoded.frame;
    // Answers do not queue behind frames that wait for the store: load here says nothing about life there.
    if (frame.type === 'liveness-answer' && phase.name === 'open') {
      phase.session.liveness.answered(frame.challenge);
      return;
    }
    if (this.#queued >= QUEUED_FRAMES_MAX) {
      this.#turnAway('too-many-frames');
      return;
    }
    this.#queued += 1;
    this.#inTurn(async () => {
      try {
        if (!this.#isClosed()) await this.#onFrame(frame);
      } catch (error) {
        this.#fail(error);
      } finally {
        this.#queued -= 1;
      }
    });
  }

  onClosed(): void {
    this.#forgetDeadline();
    const last = this.#phase;
    if (last.name !== 'open') {
      this.#phase = { name: 'closed' };
      return;
    }
    const { session } = last;
    session.closed();
    // Frames that came before the end are still worked off: a result must not be lost to a goodbye behind it.
    this.#inTurn(async () => {
      this.#phase = { name: 'closed' };
      try {
        if (this.#deps.directory.remove(session)) await this.#deps.listener.lost(session, this.#lostBecause);
      } catch (error) {
        this.#deps.log.error({ err: error, instance: session.instanceId }, 'a lost session could not be recorded');
      }
    });
  }

  /** After everything that came before. `work` deals with its own failures. */
  #inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(work);
    const turn = this.#turn;
    this.#deps.background.run('working off what a peer sent', () => turn);
  }

  async #onFrame(frame: AgentFrame): Promise<void> {
    if (frame.type === 'hello') return this.#onHello(frame);
    if (frame.type === 'agent-proof') return this.#onProof(frame);
    if (frame.type === 'liveness-answer' || this.#phase.name !== 'open') {
      this.#turnAway('frame-unexpected');
      return;
    }
    if (frame.type === 'goodbye') this.#lostBecause = 'goodbye';
    return this.#deps.listener.frame(this.#phase.session, frame);
  }

  async #onHello(hello: AgentFrameOf<'hello'>): Promise<void> {
    if (this.#phase.name !== 'hello') {
      this.#turnAway('frame-unexpected');
      return;
    }
    const answer = await introduce(this.#deps, hello);
    if (this.#isClosed()) return;
    if (!answer.ok) {
      this.#turnAway(answer.reason);
      if (answer.claimed !== null) await this.#deps.listener.incompatible(answer.claimed);
      return;
    }
    this.#phase = { name: 'proof', introduced: answer };
    this.#connection.send(encodeFrame(answer.reply));
  }

  async #onProof(proof: AgentFrameOf<'agent-proof'>): Promise<void> {
    if (this.#phase.name !== 'proof') {
      this.#turnAway('frame-unexpected');
      return;
    }
    const answer = await prove(this.#deps, this.#phase.introduced, proof);
    if (this.#isClosed()) return;
    if (!answer.ok) {
      this.#turnAway(answer.reason);
      return;
    }
    const continuity = toBase64Url(this.#deps.random.bytes(32)) as Nonce;
    const continuation = await this.#deps.listener.proven(answer.proven, continuity);
    if (this.#isClosed()) return;
    if (continuation === 'continues') this.#open(answer.proven, continuity);
    else this.#turnAway(TURNED_AWAY[continuation]);
  }

  #open(proven: Proven, continuity: Nonce): void {
    this.#forgetDeadline();
    const session = createSession({
      connection: this.#connection,
      instanceId: proven.instanceId,
      role: proven.role,
      binding: proven.binding,
      clock: this.#deps.clock,
      random: this.#deps.random,
      onMissed: () => {
        this.#lostBecause = 'liveness-missed';
      },
    });
    this.#phase = { name: 'open', session };
    this.#connection.proven?.();
    session.send({ type: 'welcome', sessionId: session.id, continuity, clock: this.#deps.clock.now() });
    // Not awaited in turn: telling two sessions apart takes answers of this very peer.
    this.#deps.background.run('taking in a session', async () => {
      try {
        if (await this.#deps.directory.add(session)) await this.#deps.listener.opened(session);
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #isClosed(): boolean {
    return this.#phase.name === 'closed';
  }

  #fail(error: unknown): void {
    this.#deps.log.error({ err: error, source: this.#connection.source }, 'a session failed');
    this.#turnAway('internal-failure');
  }

  #turnAway(reason: CloseReason): void {
    const phase = this.#phase;
    if (phase.name === 'closed') return;
    if (phase.name === 'open') {
      phase.session.close(reason);
      return;
    }
    this.#phase = { name: 'closed' };
    this.#forgetDeadline();
    this.#deps.listener.refused(this.#connection.source, reason);
    this.#connection.close(reason);
  }
}
