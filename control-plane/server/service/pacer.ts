import type { InstanceId, ResetId, TaskId } from '#protocol';
import type { Bus } from '../bus/bus.ts';
import { decideBatch } from '../domain/batch.ts';
import { IN_FLIGHT_STATES } from '../domain/task.ts';
import type { SessionDirectory } from '../gateway/session-directory.ts';
import { isStarted } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createBackground } from './background.ts';
import type { Clock, Log } from './ports.ts';
import { changeTask } from './task-flow.ts';

const TURNS_PAGE_ROWS = 200;
const CANCEL_PAGE_ROWS = 500;

/** Lets the tasks of each reset leave at its pace. It only proposes: whether one leaves is decided where it does. */
export interface Pacer {
  /** Looks at these resets anew, from their first waiting task on. */
  wake(resets: readonly ResetId[]): void;
  /** A delivery to that instance is over; for these resets its turn had not come. */
  tried(instance: InstanceId, held: readonly ResetId[]): void;
  /** Proposes nothing any more. */
  stop(): void;
  /** Resolves once nothing is under way. */
  settled(): Promise<void>;
}

export interface PacerDeps {
  readonly store: Store;
  readonly bus: Bus;
  readonly directory: Pick<SessionDirectory, 'find'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly deliver: (instance: InstanceId) => void;
  /** Sealed bytes were erased: their pages are to be overwritten soon. */
  readonly onErased: () => void;
}

/** One reset that has something to send, as long as it has. */
interface Line {
  /** Whose turn it is next, read ahead. */
  next: InstanceId[];
  /** The last task that was read; behind it are the others. */
  after: TaskId | null;
  /** All that wait were read since the last look from the beginning. */
  read: boolean;
  /** Somebody asked for a look from the beginning. */
  anew: boolean;
  /** Proposed, and not tried yet. */
  readonly proposed: Set<InstanceId>;
  /** Being looked at; `again` when something happened meanwhile. */
  state: 'idle' | 'busy' | 'again';
  readonly forget: () => void;
}

export function createPacer(deps: PacerDeps): Pacer {
  const { bus } = deps;
  const lines = new Map<ResetId, Line>();
  const background = createBackground(deps.log);
  let stopped = false;

  function lineOf(id: ResetId): Line {
    const known = lines.get(id);
    if (known !== undefined) return known;
    // Every end of a task makes room for the next one.
    const forget = bus.onChanged(id, () => look(id, line));
    const line: Line = { next: [], after: null, read: false, anew: false, proposed: new Set(), state: 'idle', forget };
    lines.set(id, line);
    return line;
  }

  function look(id: ResetId, line: Line): void {
    if (stopped) return;
    if (line.state !== 'idle') {
      line.state = 'again';
      return;
    }
    line.state = 'busy';
    background.run('the pace of a reset, which the next sweep takes up again,', () => lookOnce(id, line));
  }

  async function lookOnce(id: ResetId, line: Line): Promise<void> {
    try {
      if (await advance(deps, id, line)) return;
      line.forget();
      lines.delete(id);
    } finally {
      const more = happenedMeanwhile(line);
      line.state = 'idle';
      if (more && lines.get(id) === line) look(id, line);
    }
  }

  return {
    wake(resets) {
      for (const id of resets) {
        const line = lineOf(id);
        line.anew = true;
        look(id, line);
      }
    },
    tried(instance, held) {
      for (const id of held) lineOf(id).next.push(instance);
      for (const [id, line] of [...lines]) {
        if (line.proposed.delete(instance) || held.includes(id)) look(id, line);
      }
    },
    stop() {
      stopped = true;
    },
    settled: () => background.settled(),
  };
}

/** The compiler takes a state that was once set for set for ever; others set it meanwhile. */
function happenedMeanwhile(line: Line): boolean {
  return line.state === 'again';
}

/** Does what is to be done now. False when nothing will be, before somebody wakes the reset again. */
async function advance(deps: PacerDeps, id: ResetId, line: Line): Promise<boolean> {
  const { read } = deps.store;
  const reset = await read.resets.get(id);
  if (reset === null || !isStarted(reset)) return false;
  const decision = decideBatch(reset, await read.tasks.countIn(id, IN_FLIGHT_STATES));
  switch (decision.do) {
    case 'send':
      await propose(deps, id, line, decision.room);
      return true;
    case 'cancel':
      await cancelRest(deps, id);
      return false;
    case 'hold':
    case 'nothing':
      return false;
    default:
      return decision satisfies never;
  }
}

async function propose(deps: PacerDeps, id: ResetId, line: Line, room: number): Promise<void> {
  if (line.anew) Object.assign(line, { next: [], after: null, read: false, anew: false });
  // One that left since it was proposed is counted twice until its delivery is over: rather too few than too many.
  while (line.proposed.size < room) {
    if (line.next.length === 0) {
      if (line.read) return;
      const rows = await deps.store.read.tasks.inTurn(id, TURNS_PAGE_ROWS, line.after);
      line.after = rows.at(-1)?.id ?? line.after;
      line.read = rows.length < TURNS_PAGE_ROWS;
      line.next.push(...rows.map((row) => row.instanceId));
      continue;
    }
    const instance = line.next.shift();
    // Those that are not connected hold nobody up: they are served when they come.
    if (instance === undefined || deps.directory.find(instance, 'agent') === null) continue;
    line.proposed.add(instance);
    deps.deliver(instance);
  }
}

/** What a reset that stopped has not sent. A crash in between leaves some, which the sweep has looked at again. */
async function cancelRest({ store, bus, clock, onErased }: PacerDeps, id: ResetId): Promise<void> {
  for (;;) {
    const cause = { actor: 'system', at: clock.now() };
    const ended = await store.transaction(async (tx) => {
      const tasks = await tx.tasks.unappliedOf(id, CANCEL_PAGE_ROWS);
      for (const task of tasks) {
        await changeTask(tx, task, { type: 'cancel' }, cause, { code: 'stopped-after-failures' });
      }
      return tasks.map((task) => task.id);
    });
    if (ended.length === 0) return;
    bus.changed(id, ended);
    onErased();
  }
}
