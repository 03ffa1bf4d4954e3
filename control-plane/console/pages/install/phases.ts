import type { AgentState, Instance } from '#protocol';
import type { texts } from '../../texts/index.ts';

export type Phase = keyof typeof texts.install.status.phases;

const PHASES: Record<AgentState, Phase> = {
  'not-installed': 'waiting',
  installing: 'installing',
  'install-failed': 'failed',
  running: 'running',
  abnormal: 'attention',
  offline: 'attention',
};

/** How an installation stands, told by the state of the agent. */
export function phaseOf(state: AgentState): Phase {
  return PHASES[state];
}

/** How many of those that have joined are shown. */
export const JOINED_MAX = 20;

/** Those that have joined since, newest first: all that were made after `since`, in milliseconds of the control plane. */
export function joinedSince(instances: readonly Instance[], since: number): readonly Instance[] {
  return instances.filter(({ createdAt, agent }) => createdAt > since && agent.identity !== null);
}
