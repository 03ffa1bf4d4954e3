import {
  isFinished,
  judgeSent,
  outcomesOfSilence,
  type Expectation,
  type InstanceId,
  type Outcome,
  type ResetId,
  type ResetState,
  type Task,
  type Verify,
} from '#protocol';
import type { Routes } from '../api/routes.ts';
import { CliError, failureLines } from '../errors.ts';
import type { Clock, Random, Terminal } from '../ports.ts';
import { createProgress, type Progress } from './progress.ts';
import { watchReset } from './watch.ts';

const TICK_MS = 1_000;

/** What is said when a reset turns, for whoever watches and did not do it. */
const TURNS: Partial<Record<ResetState, string>> = {
  running: 'It goes on.',
  paused: 'It is paused: nothing more is sent until somebody resumes it. Its limit stands.',
  stopped: 'It has stopped, as too many failed: what was not sent is cancelled.',
};

export interface Following {
  readonly resetId: ResetId;
  /** What is known so far; kept up to date. */
  readonly outcomes: Map<InstanceId, Outcome>;
  /** What this client sent, to check results against; null when it did not send the reset. */
  readonly expectations: ReadonlyMap<InstanceId, Expectation> | null;
  readonly routes: Routes;
  readonly verify: Verify;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts when the operator detaches. */
  readonly signal: AbortSignal;
}

/** Shows a reset until it is finished (true), or the operator detaches or the control plane is lost (false). */
export async function followReset(following: Following): Promise<boolean> {
  const { terminal, clock, signal } = following;
  const progress = createProgress(terminal, clock);
  const over = new AbortController();
  try {
    const ticking = tick(progress, clock, AbortSignal.any([signal, over.signal]));
    const finished = await watch(following, progress).finally(() => over.abort());
    await ticking;
    return finished;
  } finally {
    progress.end();
  }
}

async function tick(progress: Progress, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(TICK_MS, signal);
    progress.tick();
  }
}

async function watch(following: Following, progress: Progress): Promise<boolean> {
  const { resetId, outcomes, routes, clock, random, signal } = following;
  const onTrouble = (error: CliError) => {
    const [what] = failureLines(error.toFailure());
    progress.note(`${what ?? ''} The reset goes on; trying again.`);
  };
  let state: ResetState = 'running';
  try {
    for await (const event of watchReset(resetId, { resets: routes.resets, clock, random, signal, onTrouble })) {
      if (event.state !== state && event.state in TURNS) progress.note(TURNS[event.state] ?? '');
      state = event.state;
      await take(event.tasks, following, progress);
      if (!event.finished) continue;
      // Believed only as far as every task is known: a stream may have been cut short.
      const known = outcomes.size >= event.total && [...outcomes.values()].every(isFinished);
      if (!known) await take(await routes.resets.tasks(resetId), following, progress);
      addMissing(following, progress);
      return true;
    }
    return false;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    for (const line of failureLines(error.toFailure())) progress.note(line);
    return false;
  }
}

async function take(tasks: readonly Task[], following: Following, progress: Progress): Promise<void> {
  const changed: Outcome[] = [];
  for (const task of tasks) {
    const outcome = await judgeSent(task, following.expectations, following.verify);
    const before = following.outcomes.get(task.instanceId);
    following.outcomes.set(task.instanceId, outcome);
    if (before?.state !== outcome.state || before.code !== outcome.code) changed.push(outcome);
  }
  progress.update(following.outcomes, changed);
}

function addMissing({ outcomes, expectations }: Following, progress: Progress): void {
  const added = outcomesOfSilence(expectations, (instanceId) => outcomes.has(instanceId));
  for (const outcome of added) outcomes.set(outcome.instanceId, outcome);
  progress.update(outcomes, added);
}
