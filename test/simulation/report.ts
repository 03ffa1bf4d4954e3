import { TaskState } from '#protocol';
import { UNFINISHED_STATES } from '../../control-plane/server/domain/task.ts';
import { CRASH_POINTS } from './engine/life.ts';
import { MESSAGE_FAULTS } from './fakes/lane.ts';
import type { Failure, SeedRange, Totals } from './seeds.ts';
import { PROMISES } from './truth/promises.ts';
import { FAULTS } from './world/climate.ts';
import { CLOCK_FAULTS } from './world/wall-clock.ts';

/** What must have happened somewhere in a range of seeds: where nothing happens, nothing is shown. */
export const EXPECTED: readonly string[] = [
  ...FAULTS,
  ...MESSAGE_FAULTS,
  ...CLOCK_FAULTS.map((fault) => `clock ${fault}`),
  ...CRASH_POINTS.agent.map((point) => `agent killed ${point}`),
  ...CRASH_POINTS.server.map((point) => `server killed ${point}`),
  ...TaskState.options.filter((state) => !UNFINISHED_STATES.includes(state)).map((state) => `task ${state}`),
  ...['write torn', 'copy fenced', 'task forgotten by a restore', 'task rewound by a restore'],
];

/** What of it did not happen. */
export function missing({ counts }: Totals): string[] {
  return EXPECTED.filter((what) => (counts[what] ?? 0) === 0);
}

/** The totals, for people. */
export function tell({ first, count }: SeedRange, totals: Totals): string {
  const { seeds, steps, virtualMs, counts } = totals;
  const what = Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    `seeds ${String(first)} to ${String(first + count - 1)}: ${String(seeds)} seeds, ${String(steps)} steps, ` +
      `${String(Math.round(virtualMs / 60_000))} minutes of virtual time`,
    ...what.map(([name, times]) => `${String(times).padStart(8)} ${name}`),
  ].join('\n');
}

/** What went wrong with a seed, and how to see it again. */
export function tellFailure({ seed, violations, trace }: Failure): string {
  return [
    trace,
    '',
    ...violations.map(
      ({ promise, what }) => `seed ${String(seed)} breaks "${promise}": ${what}\n  ${PROMISES[promise]}`,
    ),
    `again, with all of its trace: node test/simulation/replay.ts ${String(seed)}`,
  ].join('\n');
}
