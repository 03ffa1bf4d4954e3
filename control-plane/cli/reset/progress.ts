import { isFinished, tallyOf, type Outcome, type ResetCounts } from '#protocol';
import { durationText } from '../output/format.ts';
import type { Clock, Terminal } from '../ports.ts';

/** At most 10 lines a second on a terminal; in a log, one every 10 seconds. */
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
/** A rate over less than this says nothing. */
const RATE_MS_MIN = 1_000;

/** `12 of 40 done, 1 failed, 0 blocked, 27 pending, 3.2/s, 9 s left`, cut to the terminal's width. */
export function progressLine(tally: ResetCounts, elapsedMs: number, columns: number): string {
  const parts = [
    `${tally.succeeded} of ${tally.total} done`,
    `${tally.failed} failed`,
    `${tally.blocked} blocked`,
    `${tally.pending} pending`,
  ];
  const finished = tally.succeeded + tally.failed;
  if (finished > 0 && elapsedMs >= RATE_MS_MIN) {
    const perMs = finished / elapsedMs;
    parts.push(`${(perMs * 1_000).toFixed(1)}/s`);
    if (tally.pending > 0) parts.push(`${durationText(tally.pending / perMs)} left`);
  }
  const line = parts.join(', ');
  // A line that fills the last column wraps on some terminals, and is then not redrawn but repeated.
  return line.length < columns ? line : line.slice(0, Math.max(0, columns - 1));
}

/** One line about an instance that did not succeed; null for one that did, or is still under way. */
export function failureLine(outcome: Outcome): string | null {
  if (!isFinished(outcome) || outcome.state === 'succeeded') return null;
  const { instance, state, code, message, detail } = outcome;
  const said = [message, detail === null ? null : `(${detail})`].filter((part) => part !== null).join(' ');
  return `${instance}: ${state ?? ''}${code === null ? '' : ` [${code}]`}${said === '' ? '' : ` ${said}`}`;
}

/** Shows a reset while it goes on: failures as they come, and where it stands below them. */
export interface Progress {
  update(outcomes: ReadonlyMap<string, Outcome>, changed: readonly Outcome[]): void;
  /** To be called now and then: shows what came too soon after something else, and lets the time go on. */
  tick(): void;
  /** A line among the failures: a lost connection, a note. */
  note(text: string): void;
  /** Takes the line away, or prints it a last time where lines stay. */
  end(): void;
}

export function createProgress(terminal: Terminal, clock: Clock): Progress {
  const startedAt = clock.monotonic();
  const intervalMs = terminal.errIsTerminal ? REDRAW_MS : PLAIN_LINE_MS;
  let shownAt = -Infinity;
  let shown = '';
  let latest: ReadonlyMap<string, Outcome> = new Map();

  function show(now: number) {
    shownAt = now;
    // In a log the width of a terminal means nothing.
    const columns = terminal.errIsTerminal ? terminal.columns : Infinity;
    shown = progressLine(tallyOf(latest.values()), now - startedAt, columns);
    if (terminal.errIsTerminal) terminal.status(shown);
    else terminal.err(shown);
  }

  function showWhenDue() {
    const now = clock.monotonic();
    if (latest.size > 0 && now - shownAt >= intervalMs) show(now);
  }

  return {
    update(outcomes, changed) {
      latest = outcomes;
      for (const outcome of changed) {
        const line = failureLine(outcome);
        if (line !== null) terminal.err(line);
      }
      showWhenDue();
    },
    tick: showWhenDue,
    note: (text) => terminal.err(text),
    end() {
      if (terminal.errIsTerminal) terminal.status(null);
      else if (latest.size > 0 && !shown.startsWith(progressHead(latest))) show(clock.monotonic());
    },
  };
}

/** The part of the line that changes only when something happened. */
function progressHead(outcomes: ReadonlyMap<string, Outcome>): string {
  return progressLine(tallyOf(outcomes.values()), 0, Infinity);
}
