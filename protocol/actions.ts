import * as z from 'zod';

/** Everything that anybody can ask to do. Who may do what is for the control plane's rules to say. */
export const Action = z.enum([
  'audit.read',
  'console-session.end',
  'console-session.open',
  'instance.add',
  'instance.change',
  'instance.read',
  'instance.remove',
  'join-token.create',
  'metrics.read',
  'project.add',
  'project.read',
  'reset.cancel',
  'reset.pause',
  'reset.plan',
  'reset.read',
  'reset.resume',
  'reset.start',
  'self.read',
  'service.change',
  'settings.read',
  'token.create',
  'token.read',
  'token.revoke',
]);
export type Action = z.infer<typeof Action>;

/** What the audit tells of besides: what happened by itself, and what peers without a token tried or said. */
export const AuditEvent = z.enum([
  'agent.install',
  'agent.state',
  'authenticate',
  'instance.enrol',
  'key-set.refused',
  'order.refused',
  'reset.stop',
  'result.refused',
  'result.unexpected',
  'retention.remove',
  'sealing-key.refused',
  'session.refuse',
  'store.restore',
  'task.state',
]);
export type AuditEvent = z.infer<typeof AuditEvent>;

/** What `AuditRecord.action` can say, but for requests of a public route, which are named by method and path. */
export const AUDIT_ACTIONS: readonly (Action | AuditEvent)[] = [...Action.options, ...AuditEvent.options].toSorted();
