import * as z from 'zod';

import { Instance as InstanceRecord, type AgentState } from '#protocol';
import type { ControlPlane } from './control-plane.ts';
import { StepFailure } from './failure.ts';
import { until, type Daemon } from './processes.ts';

/** What the control plane knows of the agent of an instance. */
export type AgentRecord = z.infer<typeof InstanceRecord>['agent'];

const DEADLINE_MS = 120_000;

export interface AgentsOptions {
  readonly controlPlane: ControlPlane;
  /** The state that each is to have, by name of the instance. */
  readonly wanted: ReadonlyMap<string, AgentState>;
  /** Agents that must not end meanwhile. */
  readonly daemons: readonly Daemon[];
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** Resolves when the control plane sees each in its state, with what it then knows of them. */
export async function untilAgentsAre(options: AgentsOptions): Promise<ReadonlyMap<string, AgentRecord>> {
  const { controlPlane, wanted, daemons, everyMs, signal } = options;
  let seen: ReadonlyMap<string, AgentRecord> = new Map();
  const describeAll = (): string => [...seen].map(([name, agent]) => describe(name, agent)).join('; ');
  await until(
    async () => {
      const ended = daemons.find((daemon) => daemon.ended !== null);
      if (ended !== undefined) throw new StepFailure(`an agent ended ${String(ended.ended)}`, ended);
      const { items } = InstanceList.parse(await controlPlane.json(['instances', 'list']));
      seen = new Map(items.map(({ name, agent }) => [name, agent]));
      return [...wanted].every(([name, state]) => seen.get(name)?.state === state);
    },
    {
      ...{ deadlineMs: DEADLINE_MS, everyMs, signal },
      why: () => {
        const should = [...wanted].map(([name, state]) => `${name} should be ${state}`).join(', ');
        return new StepFailure(`${should}; seen: ${describeAll() || 'none'}`, daemons[0]);
      },
    },
  );
  return seen;
}

const InstanceList = z.object({ items: z.array(InstanceRecord) });

function describe(name: string, { state, reasons }: AgentRecord): string {
  return [`${name} is ${state}`, ...reasons.map(({ message, remedy }) => `${message} ${remedy}`)].join(': ');
}
