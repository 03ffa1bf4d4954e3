import {
  explain,
  type AccountRef,
  type ApiCode,
  type InstanceId,
  type Reason,
  type ResetMode,
  type ResetOptions,
} from '#protocol';
import type { Actor } from '../../domain/actor.ts';
import { judgeReset } from '../../domain/readiness.ts';
import type { InstanceRecord, ProjectRecord, TaskRecord } from '../../store/records.ts';
import type { Repositories } from '../../store/store.ts';
import { indexByAccount } from './targets.ts';

export interface ReadinessRequest {
  readonly mode: ResetMode;
  readonly options: ResetOptions;
  readonly supersede: boolean;
  readonly batchSize: number;
}

export interface ReadinessView {
  /** Why the reset of this account may not start, or null. */
  judge(instance: InstanceRecord, account: AccountRef): ApiCode | null;
  unfinished(instanceId: InstanceId, account: AccountRef): readonly TaskRecord[];
}

/** Loads what decides over a batch in a few queries, then decides without any. */
export async function viewReadiness(
  tx: Repositories,
  actor: Actor,
  request: ReadinessRequest,
  instanceIds: readonly InstanceId[],
): Promise<ReadinessView> {
  const projects = new Map<string, ProjectRecord>((await tx.projects.list()).map((project) => [project.name, project]));
  const unfinished = indexByAccount(await tx.tasks.unfinishedOf(instanceIds));
  const { mode, options, supersede, batchSize } = request;
  return {
    unfinished,
    judge: (instance, account) =>
      judgeReset({
        actor,
        target: instance,
        serviceEnabled: projects.get(instance.project)?.serviceEnabled ?? false,
        reset: { mode, options, account, batchSize },
        unfinished: unfinished(instance.id, account).length > 0,
        supersede,
      }),
  };
}

/** The code with its sentences; for an agent that is abnormal or offline with what is known to be wrong with it. */
export function blockedReason(code: ApiCode, instance: InstanceRecord): Reason {
  const { message, remedy } = explain(code);
  const first = instance.reasons[0];
  const isAgents = code === 'agent-abnormal' || code === 'agent-offline';
  if (!isAgents || first === undefined) return { code, message, remedy };
  const cause = explain(first.code);
  return { code, message: `${message} ${cause.message}`, remedy: cause.remedy };
}
