import { RETRIES_SHOWN_MAX, explain, type AccountName, type InstanceId, type Reset, type Task } from '#protocol';
import { resetStateOf } from '../../domain/batch.ts';
import { IN_FLIGHT_STATES } from '../../domain/task.ts';
import type { InstanceRecord, StartedReset, TaskRecord } from '../../store/records.ts';
import type { Repositories } from '../../store/store.ts';

/** A started reset as the API shows it. */
export async function resetView(read: Repositories, reset: StartedReset): Promise<Reset> {
  const { concurrency, stopAfterFailures, pausedAt, stoppedAt, retryOf } = reset;
  return {
    ...{ concurrency, stopAfterFailures, pausedAt, stoppedAt, retryOf },
    state: resetStateOf(reset),
    inFlight: await read.tasks.countIn(reset.id, IN_FLIGHT_STATES),
    retriedBy: [...(await read.resets.retriesOf(reset.id, RETRIES_SHOWN_MAX))],
    id: reset.id,
    mode: reset.mode,
    account: reset.account as AccountName | null,
    options: reset.options,
    requestedBy: reset.requestedBy,
    requestedAt: reset.requestedAt,
    notAfter: reset.notAfter,
    counts: await read.tasks.counts(reset.id),
    finishedAt: reset.finishedAt,
  };
}

/** Tasks as the API shows them, with the names of their instances. */
export async function taskViews(read: Repositories, tasks: readonly TaskRecord[]): Promise<Task[]> {
  const ids = [...new Set(tasks.map((task) => task.instanceId))];
  const instances = new Map(
    (await read.instances.getParts(ids, ['id', 'name', 'os'])).map((instance) => [instance.id, instance]),
  );
  return tasks.map((task) => taskView(task, instances));
}

function taskView(task: TaskRecord, instances: ReadonlyMap<InstanceId, Pick<InstanceRecord, 'name' | 'os'>>): Task {
  const instance = instances.get(task.instanceId);
  const words = task.code === null ? null : explain(task.code);
  return {
    id: task.id,
    instanceId: task.instanceId,
    // An instance that was removed since is still named by its id.
    instance: instance?.name ?? task.instanceId,
    os: instance?.os ?? 'linux',
    account: task.account,
    state: task.state,
    code: task.code,
    message: words?.message ?? null,
    remedy: words?.remedy ?? null,
    detail: task.detail,
    verifiedBy: task.verifiedBy,
    warnings: [...task.warnings],
    appliedMs: task.appliedMs,
    verifiedMs: task.verifiedMs,
    generation: task.generation,
    result: task.result,
    sealedDigest: task.sealedDigest,
    updatedAt: task.updatedAt,
  };
}
