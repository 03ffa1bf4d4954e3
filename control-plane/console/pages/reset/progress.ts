import {
  fingerprintOf,
  outcomesOfSilence,
  tallyOf,
  thumbprintOf,
  type InstanceId,
  type KnownInstance,
  type ProgressEvent,
  type ResetCounts,
  type ResetState,
  type Task,
  type Verify,
} from '#protocol';
import type { SentTargets } from '../../parts/reset/sent.ts';
import { rowOf, type Row } from './row.ts';

/** Four times a second: more nobody sees, and each makes the page work. */
const TELL_EVERY_MS = 250;
/** All that are known are written each time: with ten thousand of them that is what a frame has time for. */
const LEARN_EVERY_MS = 2_000;

/** So many results are checked at a time; then the page may draw, and answer whoever clicks. */
const JUDGED_AT_ONCE = 20;

/** What is told of a reset at once. */
export type Progress = Pick<ProgressEvent, 'counts' | 'state' | 'finished' | 'tasks'>;

export interface Snapshot {
  /** Null until something was heard. */
  readonly counts: ResetCounts | null;
  readonly state: ResetState | null;
  readonly finished: boolean;
  /** How many are known one by one, the silent ones among them. */
  readonly known: number;
  /** What was sent to from here and the control plane says nothing of, at the end. They count as failed. */
  readonly silent: readonly string[];
  /** How many of them succeeded by the signed word of their instances. */
  readonly proven: number;
}

/** All tasks of one reset, outside of what React keeps: there may be ten thousand. */
export interface ProgressStore {
  /** Resolves once it has been judged. */
  take(progress: Progress): Promise<void>;
  row(instanceId: InstanceId): Row | undefined;
  rows(): readonly Row[];
  /** At most four calls a second. */
  readonly subscribe: (listener: () => void) => () => void;
  /** The same object until something has changed. */
  readonly snapshot: () => Snapshot;
}

export interface ProgressPorts {
  readonly sent: SentTargets | null;
  readonly verify: Verify;
  /** Identities that have proven a success, at most every two seconds. */
  readonly onProven: (seen: readonly KnownInstance[]) => void;
  readonly server: string;
  /** Calls back after that long; returns what calls it off. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** Resolves once everything else that waits has had its turn. */
  readonly breathe: () => Promise<void>;
}

export function createProgressStore(ports: ProgressPorts): ProgressStore {
  const rows = new Map<InstanceId, Row>();
  const listeners = new Set<() => void>();
  let told: Omit<Progress, 'tasks'> | null = null;
  let shown: Snapshot = { counts: null, state: null, finished: false, known: 0, silent: [], proven: 0 };
  let isResting = false;
  let isStale = false;
  let queue: Promise<void> = Promise.resolve();
  const learn = gathering(ports);

  const tell = (): void => {
    if (isResting) {
      isStale = true;
      return;
    }
    isResting = true;
    isStale = false;
    shown = snapshotOf(rows, told, ports.sent);
    for (const listener of listeners) listener();
    ports.after(TELL_EVERY_MS, () => {
      isResting = false;
      if (isStale) tell();
    });
  };

  const take = async ({ tasks, ...sums }: Progress): Promise<void> => {
    const changed = tasks.filter((task) => isNews(task, rows.get(task.instanceId)));
    const proven: Row[] = [];
    for (let from = 0; from < changed.length; from += JUDGED_AT_ONCE) {
      if (from > 0) await ports.breathe();
      const some = changed.slice(from, from + JUDGED_AT_ONCE);
      const judged = await Promise.all(some.map((task) => rowOf(task, ports.sent, ports.verify)));
      for (const row of judged) rows.set(row.instanceId, row);
      proven.push(...judged.filter(({ proof }) => proof === 'here'));
    }
    told = sums;
    tell();
    for (let from = 0; from < proven.length; from += JUDGED_AT_ONCE) {
      learn(await identitiesOf(proven.slice(from, from + JUDGED_AT_ONCE), ports));
    }
  };

  return {
    take(progress) {
      // One after another, so that what was told first is not shown last.
      const taken = queue.then(() => take(progress));
      queue = taken.catch(() => undefined); // Whoever called hears of it; the next is not to blame.
      return taken;
    },
    row: (instanceId) => rows.get(instanceId),
    rows: () => [...rows.values()],
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => shown,
  };
}

/** Hands on at once what comes after a silence, and gathers what follows it. */
function gathering({ onProven, after }: Pick<ProgressPorts, 'onProven' | 'after'>) {
  let gathered: KnownInstance[] = [];
  let isResting = false;
  const tell = (): void => {
    if (isResting || gathered.length === 0) return;
    const seen = gathered;
    gathered = [];
    isResting = true;
    onProven(seen);
    after(LEARN_EVERY_MS, () => {
      isResting = false;
      tell();
    });
  };
  return (seen: readonly KnownInstance[]): void => {
    gathered.push(...seen);
    tell();
  };
}

function isNews(task: Task, row: Row | undefined): boolean {
  if (row === undefined || task.updatedAt > row.updatedAt) return true;
  return task.updatedAt === row.updatedAt && task.state !== row.toldState;
}

function snapshotOf(
  rows: ReadonlyMap<InstanceId, Row>,
  told: Omit<Progress, 'tasks'> | null,
  sent: SentTargets | null,
): Snapshot {
  let proven = 0;
  for (const { proof } of rows.values()) if (proof === 'here') proven += 1;
  const { counts = null, state = null, finished = false } = told ?? {};
  const isWhole = counts !== null && rows.size >= counts.total;
  const silent = isWhole && finished ? outcomesOfSilence(sent, (id) => rows.has(id)) : [];
  // Once each is known, only what this browser is willing to call a success counts as one.
  const own = isWhole ? tallyOf([...rows.values(), ...silent]) : counts;
  const names = silent.map(({ instance }) => instance);
  return { counts: own, state, finished, known: rows.size + silent.length, silent: names, proven };
}

function identitiesOf(proven: readonly Row[], { sent, server }: ProgressPorts): Promise<KnownInstance[]> {
  const targets = proven.flatMap(({ instanceId }) => {
    const target = sent?.get(instanceId);
    return target === undefined ? [] : [target];
  });
  return Promise.all(
    targets.map(async ({ instanceId, name, identityKey }) => {
      return { server, instanceId, name, fingerprint: fingerprintOf(await thumbprintOf(identityKey)) };
    }),
  );
}
