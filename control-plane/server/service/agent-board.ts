import type { HealthCode, InstanceId } from '#protocol';
import {
  applyReport,
  judgeAgent,
  type AgentVerdict,
  type HealthReport,
  type ReportedHealth,
} from '../domain/agent-health.ts';
import type { TaskRecord } from '../store/records.ts';
import type { InstanceChange, Repositories, Store } from '../store/store.ts';
import type { Background } from './background.ts';
import type { Clock, Log } from './ports.ts';
import { endTasksOf } from './task-flow.ts';

/**
 * The health of every agent with a session here. What an operator sees is written to the store only when it changes,
 * so that a heartbeat costs no row; the audit gets every change of state.
 */
export interface AgentBoard {
  /** A session has opened; the agent counts as connected once it has reported its health. */
  connected(id: InstanceId): void;
  /** Takes a report. False when its sequence shows that one is missing: ask for the whole. */
  reported(id: InstanceId, report: HealthReport): Promise<boolean>;
  disconnected(id: InstanceId, why: 'goodbye' | 'liveness-missed' | 'closed'): Promise<void>;
  /**
   * Somebody came as this instance with no version of the protocol in common. Shown while it is offline, as a hint:
   * without a protocol nothing can be proven.
   */
  incompatible(id: InstanceId): Promise<void>;
  /**
   * Blocks the instance until an operator re-enrols it. What is open for it ends at once, and its sealed passwords are
   * erased: two machines hold the keys to them.
   */
  fence(id: InstanceId, code: HealthCode): Promise<void>;
  /** The identity was replaced or the instance removed: what was known is void. */
  forget(id: InstanceId): void;
}

interface Entry {
  health: ReportedHealth;
  sequence: number;
  /** Null until the first full report of the session. */
  connectedAt: number | null;
  shown: string;
  cancelReview: () => void;
}

const NOTHING_REPORTED: ReportedHealth = { components: {}, failingSince: {} };

export function createAgentBoard(deps: BoardDeps): AgentBoard {
  return new LiveBoard(deps);
}

interface BoardDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** What it does by its own timers is written here, so that a shutdown waits for it. */
  readonly background: Pick<Background, 'run'>;
  /** A fence has ended these. */
  readonly tasksEnded: (tasks: readonly TaskRecord[]) => void;
}

type Shown = Pick<AgentVerdict, 'state' | 'reasons'>;

class LiveBoard implements AgentBoard {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #background: BoardDeps['background'];
  readonly #tasksEnded: BoardDeps['tasksEnded'];
  readonly #entries = new Map<InstanceId, Entry>();
  /** What failed when the last session ended: an agent that comes back as broken as it went is not shown as well first. */
  readonly #failing = new Map<InstanceId, ReportedHealth>();

  constructor({ store, clock, log, background, tasksEnded }: BoardDeps) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#background = background;
    this.#tasksEnded = tasksEnded;
  }

  connected(id: InstanceId): void {
    const health = this.#failing.get(id) ?? NOTHING_REPORTED;
    this.forget(id);
    this.#entries.set(id, {
      health,
      sequence: 0,
      connectedAt: null,
      shown: '',
      cancelReview: () => undefined,
    });
  }

  async reported(id: InstanceId, report: HealthReport): Promise<boolean> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return true;
    if (!report.full && report.sequence !== entry.sequence + 1) return false;
    entry.sequence = report.sequence;
    entry.health = applyReport(entry.health, report, this.#clock.now());
    if (report.full) entry.connectedAt ??= this.#clock.now();
    await this.#review(id, entry);
    return true;
  }

  async disconnected(id: InstanceId, why: 'goodbye' | 'liveness-missed' | 'closed'): Promise<void> {
    const health = this.#entries.get(id)?.health ?? NOTHING_REPORTED;
    this.forget(id);
    if (Object.keys(health.failingSince).length > 0) this.#failing.set(id, health);
    const at = this.#clock.now();
    // Nobody said goodbye, and no socket was closed: whether it is frozen or cut off is for people to find out.
    const reasons = why === 'liveness-missed' ? [ownReason(why, at)] : [];
    await this.#record(id, { state: 'offline', reasons }, { connectedSince: null, lastSeenAt: at });
    this.#log.info({ instance: id, why }, 'an agent is gone');
  }

  async incompatible(id: InstanceId): Promise<void> {
    if (this.#entries.has(id)) return;
    const reason = ownReason('agent-version-unsupported', this.#clock.now());
    await this.#store.transaction(async (tx) => {
      const known = await tx.instances.getPart(id, ['agentState', 'reasons']);
      // Once: whoever comes again and again writes nothing more.
      if (known?.agentState !== 'offline' || known.reasons[0]?.code === reason.code) return;
      await this.#write(tx, id, { state: 'offline', reasons: [reason] }, {});
    });
  }

  async fence(id: InstanceId, code: HealthCode): Promise<void> {
    this.forget(id);
    const at = this.#clock.now();
    const reasons = [ownReason(code, at)];
    const verdict = { state: 'abnormal', reasons } as const;
    const ended = await this.#store.transaction(async (tx) => {
      await this.#write(tx, id, verdict, { fencedAt: at, connectedSince: null });
      return endTasksOf(tx, id, { unapplied: 'agent-fenced', underWay: code }, at);
    });
    this.#tasksEnded(ended);
    this.#log.warn({ instance: id, code }, 'an identity was fenced');
  }

  forget(id: InstanceId): void {
    this.#entries.get(id)?.cancelReview();
    this.#entries.delete(id);
    this.#failing.delete(id);
  }

  /** Judges anew, writes what changed, and comes back by itself when a reason is old enough to show. */
  async #review(id: InstanceId, entry: Entry): Promise<void> {
    if (this.#entries.get(id) !== entry) return;
    const now = this.#clock.now();
    const connected = entry.connectedAt !== null;
    const verdict = judgeAgent({ enrolled: true, fenced: null, connected, health: entry.health }, now);
    entry.cancelReview();
    if (verdict.reviewAt !== null) {
      entry.cancelReview = this.#clock.after(Math.max(0, verdict.reviewAt - now), () => {
        this.#background.run(`recording the health of ${id}`, () => this.#review(id, entry));
      });
    }
    const shown = JSON.stringify([verdict.state, verdict.reasons, entry.health.components, entry.connectedAt]);
    if (shown === entry.shown) return;
    entry.shown = shown;
    const { components } = entry.health;
    await this.#record(id, verdict, { components, connectedSince: entry.connectedAt, lastSeenAt: now });
  }

  #record(id: InstanceId, verdict: Shown, more: InstanceChange): Promise<void> {
    return this.#store.transaction((tx) => this.#write(tx, id, verdict, more));
  }

  async #write(tx: Repositories, id: InstanceId, verdict: Shown, more: InstanceChange): Promise<void> {
    const before = await tx.instances.getPart(id, ['fencedAt', 'agentState']);
    // A fence is lifted by re-enrolment alone, whatever a late report says.
    if (before === null || (before.fencedAt !== null && more.fencedAt === undefined)) return;
    await tx.instances.update(id, { agentState: verdict.state, reasons: verdict.reasons, ...more });
    if (before.agentState === verdict.state) return;
    await tx.audit.append({
      at: this.#clock.now(),
      actor: 'system',
      action: 'agent.state',
      resource: `instance:${id}`,
      decision: null,
      rule: null,
      code: verdict.reasons[0]?.code ?? null,
      detail: { from: before.agentState, to: verdict.state },
    });
  }
}

/** What the control plane found itself. */
function ownReason(code: HealthCode, since: number): Shown['reasons'][number] {
  return { component: null, code, detail: null, since };
}
