import {
  fromBase64Url,
  Order,
  parseJsonBytes,
  TaskResult,
  transcriptBytes,
  type AccountName,
  type Digest,
  type InstanceId,
  type SealContext,
  type ServerFrame,
  type Signed,
  type TaskId,
  type Transcript,
} from '#protocol';
import { decodeJournal } from '../../../agent/domain/journal-codec.ts';
import type { AcceptedRecord, BegunRecord, ResultRecord } from '../../../agent/domain/ledger.ts';
import type { Life } from '../engine/life.ts';
import type { Scheduler } from '../engine/scheduler.ts';
import { short } from '../engine/trace.ts';
import type { AccountWatch } from '../fakes/accounts.ts';
import { digestOf } from '../fakes/crypto.ts';
import type { DiskWatch } from '../fakes/disk.ts';
import type { Link, Tap } from '../fakes/network.ts';
import { WORLD_BEGINS_MS } from '../world/wall-clock.ts';
import { nameOf, type Known, type KnownTask } from './known.ts';

/**
 * How long after its limit a reset that began in time may still touch the account: the slowest script, and a disk that
 * takes its time between the last look at the clock and the script.
 */
const TOLERANCE_MS = 15_000;

/** One reset that changed an account. */
interface Applied {
  readonly account: AccountName;
  readonly password: string;
  readonly task: KnownTask;
}

/** What happened on one machine. */
export interface MachineFacts {
  readonly instanceId: InstanceId;
  readonly applied: Applied[];
  readonly verified: Set<string>;
  /** Tasks that were begun, by the journal. */
  readonly begun: Set<TaskId>;
  /** Tasks on which the last word is on disk, with that word. */
  readonly concluded: Map<TaskId, TaskResult>;
  /** Until when an order that was taken may be begun, by the world's clock. */
  readonly deadlines: Map<TaskId, number>;
}

interface SentOrder {
  readonly order: Order;
  readonly sentAtMs: number;
}

interface WatchedMachine {
  readonly name: string;
  readonly instanceId: InstanceId;
  readonly disk: { readonly files: ReadonlyMap<string, Uint8Array> };
}

/** Who listens to one process of an agent. */
export interface AgentWatch {
  readonly disk: DiskWatch;
  readonly accounts: AccountWatch;
  unsealed(context: SealContext): void;
}

/** The truth about the instances: hears every frame, reads every journal, sees every password that is set. */
export class InstanceTruth implements Tap {
  readonly machines = new Map<string, MachineFacts>();
  readonly #known: Known;
  readonly #scheduler: Scheduler;
  readonly #orders = new Map<string, SentOrder>();
  /** What an agent said hello with, and the session that came of it. */
  readonly #hellos = new WeakMap<Link, { instanceId: string; identity: string; nonce: string; role: string }>();
  readonly #bindings = new WeakMap<Link, Digest>();
  /** Orders that reached a process over the session that they name. */
  readonly #delivered = new WeakMap<Life, Set<string>>();

  constructor(known: Known, scheduler: Scheduler) {
    this.#known = known;
    this.#scheduler = scheduler;
  }

  fromAgent(link: Link, text: string): void {
    const frame = JSON.parse(text) as { type: string };
    this.#known.trace.add(link.host, `→ ${summary(frame)}`);
    if (frame.type === 'hello') this.#hellos.set(link, frame as never);
  }

  fromServer(link: Link, text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    this.#known.trace.add('server', `→ ${link.host} ${summary(frame)}`);
    if (frame.type !== 'order') return;
    const opened = parseJsonBytes(Order, fromBase64Url(frame.order.bytes));
    if (!opened.ok) {
      this.#known.violate('orders are well formed', text.slice(0, 200));
      return;
    }
    this.#orders.set(frame.order.signature, { order: opened.body, sentAtMs: this.#scheduler.now() });
  }

  toAgent(link: Link, text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    this.#known.trace.add(link.host, `← ${summary(frame)}`);
    if (frame.type === 'server-proof' && !this.#bindings.has(link)) this.#bind(link, frame);
    if (
      frame.type === 'order' &&
      this.#orders.get(frame.order.signature)?.order.sessionBinding === this.#bindings.get(link)
    )
      this.#delivered.get(link.life)?.add(frame.order.signature);
  }

  /** A process starts on what is on disk: whatever was being written when the last one ended is there now, or is not. */
  watch(machine: WatchedMachine, life: Life): AgentWatch {
    this.#delivered.set(life, new Set());
    const facts = this.#factsOf(machine);
    const { name } = machine;
    const journal = machine.disk.files.get('journal') ?? new Uint8Array();
    for (const record of recordsIn(journal)) this.#journalled(facts, record);
    return {
      disk: {
        writing: (file, bytes) => {
          if (file === 'journal+') for (const record of recordsIn(bytes)) this.#taking(name, facts, life, record);
        },
        written: (file, bytes) => {
          if (file === 'journal+') for (const record of recordsIn(bytes)) this.#journalled(facts, record);
        },
        torn: () => {
          this.#known.trace.count('write torn');
        },
      },
      accounts: {
        runs: (account, password) => this.#runs(name, facts, account, password),
        applied: (account, password) => this.#applied(name, facts, account, password),
        verified: (_account, password) => facts.verified.add(password),
      },
      unsealed: (context) => {
        if (context.instanceId !== machine.instanceId)
          this.#known.violate('only the owner unseals', `${name} opened a password for ${context.instanceId}`);
      },
    };
  }

  /** Machines that carry the identity of that instance. */
  carriersOf(instanceId: InstanceId): MachineFacts[] {
    return [...this.machines.values()].filter((facts) => facts.instanceId === instanceId);
  }

  /**
   * The newest generation that was applied for that account of that instance, as far as anybody can know who hears of
   * it: what a restored backup forgot is told by the machine that did it. While a copy speaks in its place, it is not.
   */
  newestKnowable(instanceId: InstanceId, account: string): number {
    const isTwofold = this.#known.cloned.has(instanceId);
    const applied = this.carriersOf(instanceId)
      .flatMap((facts) => facts.applied)
      .filter((one) => one.account === account && !(isTwofold && one.task.forgotten));
    return Math.max(0, ...applied.map((one) => one.task.generation));
  }

  #factsOf(machine: WatchedMachine): MachineFacts {
    const known = this.machines.get(machine.name);
    if (known !== undefined) return known;
    const facts: MachineFacts = {
      ...{ instanceId: machine.instanceId, applied: [], verified: new Set(), begun: new Set() },
      ...{ concluded: new Map(), deadlines: new Map() },
    };
    this.machines.set(machine.name, facts);
    return facts;
  }

  #bind(link: Link, proof: Extract<ServerFrame, { type: 'server-proof' }>): void {
    const hello = this.#hellos.get(link);
    if (hello === undefined) return;
    const transcript = {
      ...{ v: 1, protocol: proof.protocol, role: hello.role, instanceId: hello.instanceId, identity: hello.identity },
      ...{ serverId: proof.serverId, agentNonce: hello.nonce, serverNonce: proof.nonce },
    };
    this.#bindings.set(link, digestOf(transcriptBytes(transcript as Transcript)));
  }

  /** An order is about to be written down as taken. */
  #taking(name: string, facts: MachineFacts, life: Life, record: JournalRecord): void {
    if (record.kind !== 'accepted') return;
    const sent = this.#orders.get(record.order.signature);
    if (sent === undefined) {
      this.#known.violate('only orders of the control plane are taken', `${name} took ${short(record.taskId)}`);
      return;
    }
    if (this.#delivered.get(life)?.has(record.order.signature) !== true)
      this.#known.violate('no order outlives its session', `${name} took ${short(record.taskId)} of another session`);
    const deadline = sent.sentAtMs + sent.order.lifetimeMs;
    facts.deadlines.set(record.taskId, Math.max(facts.deadlines.get(record.taskId) ?? 0, deadline));
  }

  #journalled(facts: MachineFacts, record: JournalRecord): void {
    if (record.kind === 'begun') facts.begun.add(record.taskId);
    if (record.kind !== 'result') return;
    const opened = parseJsonBytes(TaskResult, fromBase64Url(record.result.bytes));
    if (opened.ok) facts.concluded.set(record.taskId, opened.body);
  }

  #runs(name: string, facts: MachineFacts, account: AccountName, password: string): void {
    const task = this.#taskFor(name, facts, account, password);
    if (task === null) return;
    this.#known.trace.add(name, `runs the script for ${nameOf(task)}`);
    if (facts.concluded.has(task.id))
      this.#known.violate('a reset is applied once', `${name} runs ${nameOf(task)} again after its last word`);
    if (!facts.begun.has(task.id))
      this.#known.violate('journal before effect', `${name} runs ${nameOf(task)}, which its journal does not know`);
    this.#checkTime(name, facts, task);
  }

  #applied(name: string, facts: MachineFacts, account: AccountName, password: string): void {
    const task = this.#taskFor(name, facts, account, password);
    if (task === null) return;
    this.#known.trace.add(name, `applied ${nameOf(task)}`);
    const before = facts.applied.filter((one) => one.account === account && one.task.id !== task.id);
    if (before.some((one) => one.task.generation > task.generation))
      this.#known.violate('an older generation never follows a newer one', `${name} applied ${nameOf(task)}`);
    if (before.some((one) => one.task.generation === task.generation))
      this.#known.violate('generations strictly rise', `${name} applied ${nameOf(task)}, and another of that number`);
    this.#checkTime(name, facts, task);
    facts.applied.push({ account, password, task });
  }

  #taskFor(name: string, facts: MachineFacts, account: AccountName, password: string): KnownTask | null {
    const task = this.#known.taskOf(password);
    if (task?.instanceId !== facts.instanceId || task.account !== account) {
      this.#known.violate('only what was asked for happens', `${name} sets a password of ${account} that is not its`);
      return null;
    }
    if (!task.dispatched) this.#known.violate('record before effect', `${name} has ${nameOf(task)}, never dispatched`);
    return task;
  }

  #checkTime(name: string, facts: MachineFacts, task: KnownTask): void {
    const now = this.#scheduler.now();
    const late = now - Math.min(task.notAfter - WORLD_BEGINS_MS, facts.deadlines.get(task.id) ?? 0);
    if (late > TOLERANCE_MS)
      this.#known.violate('nothing is applied after its limit', `${name} is ${late} ms late with ${nameOf(task)}`);
  }
}

type JournalRecord = AcceptedRecord | BegunRecord | ResultRecord | { readonly kind: 'acknowledged' | 'base' };

function recordsIn(bytes: Uint8Array): readonly JournalRecord[] {
  return decodeJournal(bytes).values as readonly JournalRecord[];
}

/** A frame in a trace: its type, and what tells it from others of that type. */
function summary(frame: object & { readonly type: string }): string {
  const more: string[] = [];
  if ('taskId' in frame) more.push(short(frame.taskId as TaskId));
  if ('state' in frame) more.push(String(frame.state));
  if ('code' in frame) more.push(String(frame.code));
  if ('continuity' in frame) more.push(short(String(frame.continuity)));
  if ('challenge' in frame) more.push(short(String(frame.challenge)));
  if ('result' in frame) more.push(resultSummary(frame.result as Signed));
  if ('order' in frame) more.push(orderSummary(frame.order as Signed));
  return [frame.type, ...more].join(' ');
}

function resultSummary(signed: Signed): string {
  const opened = parseJsonBytes(TaskResult, fromBase64Url(signed.bytes));
  return opened.ok ? `${short(opened.body.taskId)} ${opened.body.state} ${String(opened.body.code)}` : '?';
}

function orderSummary(signed: Signed): string {
  const opened = parseJsonBytes(Order, fromBase64Url(signed.bytes));
  return opened.ok ? `${short(opened.body.taskId)} generation ${opened.body.generation}` : '?';
}
