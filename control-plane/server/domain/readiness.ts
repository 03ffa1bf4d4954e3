import type { AgentState, ApiCode, PowerState, ResetMode } from '#protocol';
import type { Decision } from './authorization.ts';

/** Everything that decides whether a reset of one instance may start. */
export interface ReadinessFacts {
  readonly mode: ResetMode;
  readonly authorization: Decision;
  /** Whether online reset is enabled and authorised for the instance's project. */
  readonly serviceEnabled: boolean;
  readonly power: PowerState;
  readonly agentState: AgentState;
  readonly fenced: boolean;
  /** Whether the instance certified a sealing key. */
  readonly hasSealingKey: boolean;
  /** Another reset of the account is not finished. */
  readonly unfinished: boolean;
  readonly supersede: boolean;
}

const AGENT_CODE: Record<Exclude<AgentState, 'running'>, ApiCode> = {
  'not-installed': 'agent-not-installed',
  installing: 'agent-installing',
  'install-failed': 'agent-install-failed',
  offline: 'agent-offline',
  abnormal: 'agent-abnormal',
};

/** Why the reset is blocked, or null. The first reason wins: rights before facts, so that denial tells nothing. */
export function judgeReadiness(facts: ReadinessFacts): ApiCode | null {
  if (!facts.authorization.allow) return 'account-not-authorised';
  if (facts.mode === 'offline') return 'plug-in-missing';
  if (!facts.serviceEnabled) return 'service-not-authorised';
  if (facts.fenced) return 'agent-fenced';
  if (facts.power === 'stopped') return 'instance-stopped';
  if (facts.agentState !== 'running') return AGENT_CODE[facts.agentState];
  if (!facts.hasSealingKey) return 'agent-offline';
  if (facts.unfinished && !facts.supersede) return 'reset-in-progress';
  return null;
}
