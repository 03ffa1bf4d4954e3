import type { AgentFrame, InstanceFacts, InstanceId, ServerFrame, Thumbprint } from '#protocol';
import type { SessionView } from './core/admission.ts';
import { createExecutor, type Executor } from './core/executor.ts';
import { createHandshake } from './core/handshake.ts';
import { createHealthWatch, type HealthWatch } from './core/health-watch.ts';
import { openJournal, type Journal } from './core/journal.ts';
import { createLink, type GoodbyeReason, type Link } from './core/link.ts';
import { openSealingKeys, type SealingKeys } from './core/sealing-keys.ts';
import { openTrust, type Trust } from './core/trust.ts';
import { openTasks, unacknowledged } from './domain/ledger.ts';
import type { StartedAt } from './domain/policy.ts';
import type { SessionState } from './domain/session.ts';
import { believedNow, type ServerTime } from './domain/wall-clock.ts';
import type {
  AgentCrypto,
  AgentStatus,
  Clock,
  Instance,
  Log,
  PublishStatus,
  Random,
  ReadPolicy,
  Storage,
  Transport,
} from './ports.ts';

/** How often it is asked whether the sealing key has aged. */
const ROTATION_CHECK_MS = 3_600_000;
/** How long a stop waits for a reset that is running; the script and its proof take at most this long. */
export const STOP_GRACE_MS = 40_000;

export interface AgentOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** The state directory of an enrolled instance: holds at least its key set. */
  readonly storage: Storage;
  readonly crypto: AgentCrypto;
  readonly instance: Instance;
  readonly log: Log;
  readonly policy: ReadPolicy;
  readonly instanceId: InstanceId;
  /** The control plane: thumbprint of its first script key. */
  readonly serverId: Thumbprint;
  readonly agentVersion: string;
  readonly publish?: PublishStatus;
}

/** The daemon, without a process around it. */
export interface Agent {
  /**
   * Reads what the last run left, takes it up, and begins to connect. Rejects when the state directory cannot be read
   * or holds no whole key set.
   */
  start(): Promise<void>;
  /** Waits for a running reset, says goodbye and disconnects. */
  stop(reason: GoodbyeReason, graceMs?: number): Promise<void>;
  status(): AgentStatus;
}

/** The parts that exist once the state directory has been read. */
interface Parts {
  readonly journal: Journal;
  readonly trust: Trust;
  readonly sealingKeys: SealingKeys;
  readonly executor: Executor;
  readonly watch: HealthWatch;
  readonly link: Link;
}

export function createAgent(options: AgentOptions): Agent {
  const { clock, log } = options;
  const standing = createStanding(options);
  let parts: Parts | null = null;
  let forgetRotation: (() => void) | null = null;

  const rotate = async () => {
    if (parts === null) return;
    const needed = new Set(openTasks(parts.journal.ledger()).map(({ accepted }) => accepted.keyId));
    const timeIsKnown = standing.serverTime() !== null;
    const isNew = await parts.sealingKeys.rotate(standing.believedNow(), needed, timeIsKnown);
    if (isNew) parts.link.send({ type: 'sealing-key', sealingKey: parts.sealingKeys.statement() });
  };
  const rotateGuarded = () => {
    rotate().catch((error: unknown) => log.error({ error: String(error) }, 'the sealing key could not be rotated'));
  };
  const checkRotation = () => {
    rotateGuarded();
    forgetRotation = clock.after(ROTATION_CHECK_MS, checkRotation);
  };

  return {
    async start() {
      parts = await assemble(options, standing, rotateGuarded);
      standing.attach(parts);
      await parts.watch.start();
      await parts.executor.recover();
      parts.link.start();
      forgetRotation = clock.after(ROTATION_CHECK_MS, checkRotation);
    },
    async stop(reason, graceMs = STOP_GRACE_MS) {
      standing.enter('stopping');
      forgetRotation?.();
      await parts?.executor.stop(graceMs);
      parts?.watch.stop();
      parts?.link.stop(reason);
    },
    status: () => standing.status(),
  };
}

type State = AgentStatus['state'];

const STATES: Record<SessionState['phase'], State> = {
  stopped: 'stopping',
  waiting: 'waiting',
  dialing: 'connecting',
  greeting: 'connecting',
  judging: 'connecting',
  proving: 'connecting',
  entering: 'connecting',
  live: 'connected',
};

/** What the agent knows about itself as a whole: its state for people, and the time. */
function createStanding({ clock, publish }: Pick<AgentOptions, 'clock' | 'publish'>) {
  let parts: Pick<Parts, 'journal' | 'watch'> | null = null;
  let state: State = 'starting';
  let since = clock.now();
  let lastLoss: string | null = null;
  let serverTime: ServerTime | null = null;

  const status = (): AgentStatus => ({
    state,
    since,
    lastLoss,
    components: parts?.watch.components() ?? {},
    unacknowledgedResults: parts === null ? 0 : unacknowledged(parts.journal.ledger()).length,
  });
  const changed = () => publish?.(status());
  return {
    status,
    changed,
    attach(made: Pick<Parts, 'journal' | 'watch'>) {
      parts = made;
    },
    enter(next: State) {
      if (next === state || state === 'stopping') return; // Nothing follows a stop.
      state = next;
      since = clock.now();
      changed();
    },
    noteEnd(why: string) {
      lastLoss = why;
    },
    setServerTime(time: ServerTime) {
      serverTime = time;
    },
    serverTime: () => serverTime,
    believedNow: () => believedNow({ wallMs: clock.now(), monotonicMs: clock.monotonic() }, serverTime),
  };
}
type Standing = ReturnType<typeof createStanding>;

async function assemble(options: AgentOptions, standing: Standing, rotate: () => void): Promise<Parts> {
  const { clock, storage, crypto, instanceId, serverId, log } = options;
  const facts: InstanceFacts = await options.instance.facts();
  const { bootId, os } = facts;
  const moment = (): StartedAt => ({ bootId, monotonicMs: clock.monotonic(), wallMs: clock.now() });
  const trust = await openTrust({ storage, crypto, serverId });
  const journal = await openJournal({ storage, log, moment });
  const sealingKeys = await openSealingKeys({ storage, crypto, log, instanceId }, clock.now());

  // The parts talk through the link, and the link hands its frames to the parts.
  let link: Link | null = null;
  const send = (frame: AgentFrame) => link?.send(frame);
  const { believedNow, changed } = standing;
  const watch: HealthWatch = createHealthWatch({
    ...{ clock, log, send, instance: options.instance, onChange: changed },
    journal: () => journal.health(),
    retryJournal: () => journal.retry(),
    trust: () => trust.health(),
    serverTime: standing.serverTime,
  });
  const onChange = () => {
    watch.refresh();
    changed();
  };
  const shared = { ...options, os, bootId, moment, journal, trust, sealingKeys, believedNow, send, onChange };
  const executor = createExecutor(shared);
  const ledger = () => journal.ledger();
  const handshake = createHandshake({ ...options, facts, trust, ledger, sealingKey: () => sealingKeys.statement() });
  let unexpected = false;
  link = createLink({
    ...options,
    trust,
    handshake,
    onPhase: (phase) => {
      standing.enter(STATES[phase]);
      if (phase === 'waiting') watch.sessionLost(unexpected);
      unexpected = false;
    },
    onLoss: () => {
      unexpected = true;
    },
    onEnd: (why) => {
      standing.noteEnd(why);
      log.info({ why }, 'the connection ended');
    },
    onLive: (time, keySetRefused) => {
      log.info({}, 'connected');
      standing.setServerTime(time);
      watch.sessionLive();
      if (keySetRefused !== null) send({ type: 'key-set-refused', code: keySetRefused });
      executor.resend();
      // Now that the time is known: the key may have been dated by a wrong clock.
      rotate();
    },
    onFrame: (frame, session, arrivedMs) => deal({ trust, executor, watch, send }, frame, session, arrivedMs),
  });
  return { journal, trust, sealingKeys, executor, watch, link };
}

interface Dealers extends Pick<Parts, 'trust' | 'executor' | 'watch'> {
  readonly send: (frame: AgentFrame) => void;
}

/** Frames of a live session. The machine of the session has dealt with its own. */
async function deal(parts: Dealers, frame: ServerFrame, session: SessionView, arrivedMs: number): Promise<void> {
  switch (frame.type) {
    case 'order':
      await parts.executor.take(frame, session, arrivedMs);
      return;
    case 'result-ack':
      parts.executor.acknowledge(frame.taskId);
      return;
    case 'health-request':
      parts.watch.sayAll();
      return;
    case 'key-set': {
      const refused = await parts.trust.offer(frame.keySet);
      parts.trust.note(refused);
      if (refused !== null) parts.send({ type: 'key-set-refused', code: refused });
      parts.watch.refresh();
      return;
    }
    case 'server-proof':
    case 'welcome':
    case 'drain':
    case 'liveness-challenge':
      return;
    default:
      frame satisfies never;
  }
}
