import { megabytes, verdict, type BenchResult } from './bench.ts';

/** What was measured again and again, in milliseconds. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new Error('nothing was measured');
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  const median = middle.reduce((sum, value) => sum + value, 0) / middle.length;
  return { median: rounded(median), min: rounded(min), max: rounded(max), n: sorted.length };
}

/** To microseconds, which is more than is known. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** One line of the table of times. */
export interface TimeRow {
  readonly what: string;
  readonly ms: Figure;
  /** How many times bare chpasswd, as medians of the same run. */
  readonly ratio: number;
  /** At most that many times; null where nothing is promised. */
  readonly target: number | null;
}

export interface MemoryRow {
  readonly what: string;
  /** Bytes resident, shared pages counted in full. */
  readonly residentBytes: number;
  /** Bytes, shared pages divided among those who share them. */
  readonly proportionalBytes: number;
}

export interface Report {
  readonly rounds: number;
  /** Milliseconds for one flush, on the instance's /etc and on the control plane's data. */
  readonly instanceFlushMs: Figure;
  readonly controlPlaneFlushMs: Figure;
  readonly times: readonly TimeRow[];
  readonly memory: readonly MemoryRow[];
}

/** Above this, waiting for the disk hides what the programs cost, and the targets say nothing. */
export const FLUSH_MS_MAX = 1;

export function resetFigures(report: Report): BenchResult {
  const { instanceFlushMs, controlPlaneFlushMs } = report;
  const judged = instanceFlushMs.median < FLUSH_MS_MAX && controlPlaneFlushMs.median < FLUSH_MS_MAX;
  const span = ({ median, min, max }: Figure): string[] => [median, min, max].map((ms) => ms.toFixed(1));
  const times = report.times.map(({ what, ms, ratio, target }) => {
    const said = target === null || !judged ? '' : verdict(ratio, target, 'x');
    return [what, ...span(ms), String(ms.n), `${ratio.toFixed(2)} x`, said];
  });
  const memory = report.memory.map(({ what, residentBytes, proportionalBytes }) => {
    return [what, megabytes(residentBytes), megabytes(proportionalBytes)];
  });
  return {
    notes: [
      `${report.rounds} rounds. One flush of 4 KB (fsync): ${flushText(instanceFlushMs)} on the instance, ${flushText(controlPlaneFlushMs)} on the control plane.`,
      ...(judged ? [] : [`No verdicts: the targets hold where a flush takes less than ${FLUSH_MS_MAX} ms.`]),
    ],
    tables: [
      [['ms', 'median', 'min', 'max', 'n', 'chpasswd', 'target'], ...times],
      [['MB at rest, after the rounds', 'resident', 'PSS'], ...memory],
    ],
    figures: report,
  };
}

function flushText({ median, min, max }: Figure): string {
  return `${median.toFixed(2)} ms (${min.toFixed(2)} to ${max.toFixed(2)})`;
}
