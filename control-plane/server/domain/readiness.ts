import type {
  AccountRef,
  AgentState,
  ApiCode,
  InstanceId,
  PowerState,
  ProjectName,
  ResetMode,
  ResetOptions,
  Signed,
} from '#protocol';
import type { Actor } from './actor.ts';
import { authorize, type Decision } from './authorization.ts';

/** The question that is asked of every reset of one instance: at its plan, at its start, and right before delivery. */
export interface ResetQuestion {
  /** Who asked for it, with the rights of this moment; null when there are none any more. */
  readonly actor: Actor | null;
  readonly target: {
    readonly id: InstanceId;
    readonly project: ProjectName;
    readonly power: PowerState;
    readonly agentState: AgentState;
    readonly fencedAt: number | null;
    /** Certified by the instance. */
    readonly sealingKey: Signed | null;
  };
  /** Whether online reset is enabled and authorised for the target's project. */
  readonly serviceEnabled: boolean;
  readonly reset: {
    readonly mode: ResetMode;
    readonly options: ResetOptions;
    readonly account: AccountRef;
    readonly batchSize?: number;
  };
  /** Another reset of the account is not finished. */
  readonly unfinished: boolean;
  readonly supersede: boolean;
}

/** Whether the actor may have it done. */
export function authorizeReset({ actor, target, reset }: ResetQuestion): Decision {
  if (actor === null) return { allow: false, rule: 'token-revoked' };
  return authorize(actor, 'reset.start', { project: target.project, instanceId: target.id }, reset);
}

/** Why the reset may not start, or null. */
export function judgeReset(question: ResetQuestion): ApiCode | null {
  const { target, reset, serviceEnabled, unfinished, supersede } = question;
  return judgeReadiness({
    mode: reset.mode,
    authorization: authorizeReset(question),
    serviceEnabled,
    power: target.power,
    agentState: target.agentState,
    fenced: target.fencedAt !== null,
    hasSealingKey: target.sealingKey !== null,
    unfinished,
    supersede,
  });
}

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
