import { InstanceId, InstanceName, type Action } from '#protocol';
import type { Actor } from '../domain/actor.ts';
import { authorize, type AuthorizationContext } from '../domain/authorization.ts';
import type { InstanceRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { ApiError } from './errors.ts';
import { ANYTHING, type Gate } from './gate.ts';

/** The instance of that id or, failing that, of that name; null when there is none. */
async function find(from: Repositories, idOrName: string): Promise<InstanceRecord | null> {
  const id = InstanceId.safeParse(idOrName);
  const byId = id.success ? await from.instances.get(id.data) : null;
  if (byId !== null) return byId;
  const name = InstanceName.safeParse(idOrName);
  return name.success ? from.instances.byName(name.data) : null;
}

/** Whether the actor may know that an instance of that record exists. */
function isVisible(actor: Actor, record: InstanceRecord): boolean {
  return authorize(actor, 'instance.read', { project: record.project, instanceId: record.id }).allow;
}

/** The instance, for showing it. One that the actor may not see is `instance-not-found`, like one that is not there. */
export async function locateForRead(
  gate: Gate,
  from: Repositories,
  actor: Actor,
  idOrName: string,
): Promise<InstanceRecord> {
  gate.decide(actor, 'instance.read', ANYTHING, { subject: `instance:${idOrName}` });
  const record = await find(from, idOrName);
  if (record === null || !isVisible(actor, record)) throw new ApiError('instance-not-found');
  return record;
}

/**
 * The instance, for changing it, and the rule that allows it. An attempt on an instance that the actor may not see and
 * one on an instance that is not there leave the same record, take the same time and get the same answer.
 */
export async function locateForChange(
  gate: Gate,
  tx: Repositories,
  actor: Actor,
  action: Action,
  idOrName: string,
  context: AuthorizationContext = {},
): Promise<{ readonly record: InstanceRecord; readonly rule: string }> {
  const asNamed = `instance:${idOrName}`;
  gate.decide(actor, action, ANYTHING, { subject: asNamed });
  const record = await find(tx, idOrName);
  if (record === null || !isVisible(actor, record)) {
    throw gate.denial(actor, action, asNamed, 'instance-unknown', 'instance-not-found');
  }
  const subject = `instance:${record.id}`;
  const rule = gate.decide(actor, action, { project: record.project, instanceId: record.id }, { subject, context });
  return { record, rule };
}
