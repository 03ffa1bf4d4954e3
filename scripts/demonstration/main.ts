import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

import { ACCOUNT_FILES, changedSince, takeSnapshot, type Snapshot } from './account-files.ts';
import { createCleanup, type Cleanup } from './cleanup.ts';
import { StepFailure } from './failure.ts';
import { guide } from './guide.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { lastLines, type Daemon } from './processes.ts';
import { tell } from './story.ts';
import { prepareTour } from './tour.ts';

/**
 * The demonstration behind scripts/demo, which has seen to root and dependencies. Composition, signals and the end:
 * whatever happens, what was begun is undone, and this machine's account files are compared with what they were.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function main(once: boolean): Promise<number> {
  const narrator = createNarrator(process.stdout);
  const interruption = catchSignals(narrator);
  const cleanup = createCleanup();
  const accountFiles = takeSnapshot();
  narrator.prose('Latchkey on this machine: a control plane, three instances, and a password that is really reset.');
  narrator.say();
  narrator.done(`Noted what is in ${filesText()}: it must be the same at the end.`);

  let step = 'make a directory';
  let outcome: number;
  try {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-demo-')); // 0700
    cleanup.defer(directory, () => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
    const onStep = (title: string): void => void (step = title);
    const stage = await tell({ ...{ narrator, directory, cleanup, onStep }, signal: interruption.signal });
    narrator.heading(`Shown in ${narrator.elapsed()}: what was reset opens with the new password only.`);
    outcome = 0;
    if (!once) {
      const { signal } = interruption;
      const tour = await prepareTour({ stage, narrator, onStep, signal });
      step = 'keep running';
      const fingerprint = await stage.controlPlane.certificateFingerprint();
      guide({ narrator, stage, tour, fingerprint, user: process.env['SUDO_USER'] ?? null });
      await untilEnded(tour.daemons, signal);
    }
  } catch (error) {
    outcome = interruption.caught === null ? reportFailure(step, error) : 128 + constants.signals[interruption.caught];
  }
  narrator.heading(outcome > 128 ? `Ended early, by ${String(interruption.caught)}` : 'The end');
  return Math.max(outcome, await finish(narrator, cleanup, accountFiles));
}

interface Interruption {
  readonly signal: AbortSignal;
  readonly caught: (typeof SIGNALS)[number] | null;
}

/** The first signal ends the story; while things are put back, another one changes nothing. */
function catchSignals(narrator: Narrator): Interruption {
  const controller = new AbortController();
  let caught: Interruption['caught'] = null;
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (caught !== null) {
        narrator.say('Ending already; what was started is being removed.');
        return;
      }
      caught = name;
      controller.abort();
    });
  }
  return {
    signal: controller.signal,
    get caught() {
      return caught;
    },
  };
}

/** Resolves when a signal came; throws when something ended that should not have. */
async function untilEnded(daemons: readonly Daemon[], signal: AbortSignal): Promise<void> {
  const interrupted = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null));
  });
  // Nothing else keeps this process waiting when all that runs has ended.
  const ended = await Promise.race([interrupted, ...daemons.map((daemon) => daemon.whenEnded.then(() => daemon))]);
  if (ended !== null) throw new StepFailure(`something ended by itself, ${String(ended.ended)}`, ended);
}

function reportFailure(step: string, error: unknown): number {
  const { logFile, exitCode } = error instanceof StepFailure ? error : { logFile: null, exitCode: 1 };
  const why = error instanceof Error ? error.message : String(error);
  const lines = [`scripts/demo: this step failed: ${step}.`, `Why: ${why}`];
  const log = logFile === null ? [] : lastLines(logFile);
  if (log.length > 0) lines.push(`The last lines of ${String(logFile)}:`, ...log.map((line) => `  ${line}`));
  console.error(`\n${lines.join('\n')}`);
  return exitCode;
}

/** Undoes everything and says what that came to: 0, or 1 when something is not as it was. */
async function finish(narrator: Narrator, cleanup: Cleanup, accountFiles: Snapshot): Promise<number> {
  const left = await cleanup.run();
  if (left.length === 0) narrator.done('Ended every process and removed every file of this demonstration.');
  else
    console.error(
      `scripts/demo: not everything could be removed. Left:\n${left.map((line) => `  ${line}`).join('\n')}`,
    );

  const changed = changedSince(accountFiles);
  if (changed.length === 0) narrator.done(`Compared: ${filesText()} of this machine are unchanged.`);
  else
    console.error(
      `scripts/demo: ${changed.join(', ')} changed meanwhile. If nobody else did it, this is a fault of ours.`,
    );
  narrator.say();
  narrator.say(`Total time: ${narrator.elapsed()}.`);
  return left.length + changed.length === 0 ? 0 : 1;
}

function filesText(): string {
  return `${ACCOUNT_FILES.slice(0, -1).join(', ')} and ${ACCOUNT_FILES.at(-1) ?? ''}`;
}

// Whoever reads has gone (a closed terminal, `scripts/demo | head`). What was begun must still be undone.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await main(process.argv.includes('--once'));
