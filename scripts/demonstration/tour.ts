import type { AgentState } from '#protocol';
import { untilAgentsAre } from './agents.ts';
import { StepFailure } from './failure.ts';
import type { Instance } from './instance.ts';
import type { Narrator } from './narrator.ts';
import type { Daemon } from './processes.ts';
import type { Stage } from './story.ts';

const STOPPED_GRACE_MS = 10_000;
/** It takes some twenty seconds, and every look starts a program. */
const LOOK_EVERY_MS = 500;

/** Three instances, each with something else to see in the console. */
export interface Tour {
  readonly healthy: Instance;
  /** Its agent was stopped. */
  readonly offline: Instance;
  /** What its account files are in cannot be written to. */
  readonly abnormal: Instance;
  /** Why it is abnormal, and what to do, in the words of the control plane. */
  readonly reason: { readonly message: string; readonly remedy: string; readonly detail: string | null };
  /** What mends it, on the instance. */
  readonly mending: readonly string[];
  /** All that must not end by itself. */
  readonly daemons: readonly Daemon[];
}

interface TourOptions {
  readonly stage: Stage;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  readonly onStep: (title: string) => void;
}

/** Stops the agent of one instance, breaks another, and resolves when the control plane has seen both. */
export async function prepareTour({ stage, narrator, signal, onStep }: TourOptions): Promise<Tour> {
  const { controlPlane, instances, agents } = stage;
  const [healthy, offline, abnormal] = instances;
  if (healthy === undefined || offline === undefined || abnormal === undefined) throw new Error('it takes three');
  narrator.heading('Trouble, for the console to show');

  onStep(`stop the agent of ${offline.name}`);
  await agents.get(offline)?.end({ graceMs: STOPPED_GRACE_MS });
  narrator.done(`Stopped the agent of ${offline.name}.`);

  onStep(`make the account files of ${abnormal.name} read-only`);
  // This mount alone, and not the file system below it, which others may have, too. As after errors of a disk, files can
  // be read, and people log in, but no password can be set.
  await abnormal.mustRun(['mount', '-o', 'remount,bind,ro', '/etc']);
  narrator.done(
    `Made /etc of ${abnormal.name} read-only, as a kernel does after errors of a disk. It shows within half a minute: what fails counts once it has lasted for ten seconds.`,
  );

  onStep('wait until the control plane sees it');
  const running = instances.filter((instance) => instance !== offline);
  const daemons = running.flatMap((instance) => agents.get(instance) ?? []);
  const wanted = new Map<string, AgentState>([
    [healthy.name, 'running'],
    [offline.name, 'offline'],
    [abnormal.name, 'abnormal'],
  ]);
  const seen = await untilAgentsAre({ controlPlane, wanted, daemons, everyMs: LOOK_EVERY_MS, signal });
  const reason = seen.get(abnormal.name)?.reasons[0];
  if (reason === undefined) throw new StepFailure(`${abnormal.name} is abnormal, and no reason is given`);
  narrator.done(`Now ${[...wanted].map(([name, state]) => `${name} is ${state}`).join(', ')}.`);
  return {
    ...{ healthy, offline, abnormal, reason },
    mending: ['mount', '-o', 'remount,bind,rw', '/etc'],
    daemons: [controlPlane.daemon, ...instances.map(({ daemon }) => daemon), ...daemons],
  };
}
