import {
  EnrolmentRequest,
  openSigned,
  thumbprintOf,
  type ApiCode,
  type CloseReason,
  type Enrol,
  type Enrolled,
  type InstanceId,
  type ProjectName,
  type Signed,
  type Thumbprint,
  type Verify,
} from '#protocol';
import type { AuditEntry, InstanceRecord, TaskRecord, TokenRecord } from '../store/records.ts';
import type { InstanceChange, Repositories, Store } from '../store/store.ts';
import type { AuditService } from './audit-service.ts';
import { ApiError } from './errors.ts';
import { DeniedError, type Gate } from './gate.ts';
import { newInstance, type Sessions } from './instance-service.ts';
import type { Clock, Hash, Random } from './ports.ts';
import { endTasksOf } from './task-flow.ts';
import { secretMatches } from './token-secrets.ts';

/** Lets agents join. The join token is the only credential; what an agent says of itself decides nothing. */
export interface EnrolmentService {
  /** `source`: where the request came from, as `sourceOf` made it. */
  enrol(request: Enrol, source: string): Promise<Enrolled>;
}

interface Dependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly verify: Verify;
  readonly gate: Gate;
  readonly audit: Pick<AuditService, 'countRefusal'>;
  readonly sessions: Sessions;
  /** The current key set: what the agent believes from now on. */
  readonly keySet: () => Signed;
}

/** What was proven: the identity, and what it asks for. */
interface Applicant {
  readonly identity: Thumbprint;
  readonly request: EnrolmentRequest;
}

interface Admission {
  readonly instance: Pick<InstanceRecord, 'id' | 'name' | 'project'>;
  /** Sessions of the identity that was replaced must end. */
  readonly replaced: boolean;
  /** What was open for that identity: sealed to a key that is gone. */
  readonly ended: readonly TaskRecord[];
}

export function createEnrolmentService(deps: Dependencies): EnrolmentService {
  return {
    async enrol(enrol, source) {
      let admission: Admission;
      try {
        const applicant = await prove(deps, enrol);
        admission = await deps.gate.change((tx) => admit(deps, tx, enrol, applicant));
      } catch (error) {
        // Whoever holds a good token has a record of their own; everybody else is counted.
        if (error instanceof ApiError && !(error instanceof DeniedError)) {
          deps.audit.countRefusal({ code: error.code, source, action: 'instance.enrol' });
        }
        throw error;
      }
      const { id, name, project } = admission.instance;
      if (admission.replaced) deps.sessions.close(id, 'session-replaced' satisfies CloseReason);
      deps.sessions.tasksEnded(admission.ended);
      return { instanceId: id, name, project, keySet: deps.keySet() };
    },
  };
}

/** The token first, as it costs least; then the signature over the request's bytes; then what the bytes say. */
async function prove(deps: Dependencies, enrol: Enrol): Promise<Applicant> {
  const token = await deps.store.read.tokens.get(enrol.tokenId);
  checkToken(deps, token, enrol);
  const identity = await thumbprintOf(enrol.publicKey);
  const opened = await openSigned(deps.verify, enrol.publicKey, 'enrolment', EnrolmentRequest, enrol.request);
  if (!opened.ok || enrol.request.key !== identity) throw new ApiError('enrolment-proof-invalid');
  const request = opened.body;
  // Both stand in the signed bytes, so that nobody can put this request under another token or another key.
  if (request.publicKey !== enrol.publicKey || request.tokenId !== enrol.tokenId) {
    throw new ApiError('enrolment-proof-invalid');
  }
  return { identity, request };
}

function checkToken(
  { clock, hash }: Dependencies,
  token: TokenRecord | null,
  { secret }: Enrol,
): asserts token is TokenRecord {
  // An unknown id and a wrong secret are the same answer; what else is wrong is told to those who hold the secret.
  if (token?.type !== 'join' || !secretMatches(secret, token.secretDigest, hash) || token.revokedAt !== null) {
    throw new ApiError('join-token-invalid');
  }
  if (token.expiresAt !== null && clock.now() >= token.expiresAt) throw new ApiError('join-token-expired');
  if (token.usesLeft !== null && token.usesLeft <= 0) throw new ApiError('join-token-used-up');
}

/** Decides again on what the transaction sees, takes the use, and lets the instance in: all of it, or nothing. */
async function admit(deps: Dependencies, tx: Repositories, enrol: Enrol, applicant: Applicant): Promise<Admission> {
  const token = await tx.tokens.get(enrol.tokenId);
  checkToken(deps, token, enrol);
  const at = deps.clock.now();
  const deny = (code: ApiCode, instance: InstanceId | null): DeniedError =>
    new DeniedError(code, { ...recordOf(token, applicant, instance, at), decision: 'deny', rule: code, code });

  const holder = await tx.instances.byIdentity(applicant.identity);
  if (holder !== null) throw deny('identity-already-enrolled', holder.id);
  if (!(await tx.tokens.takeUse(token.id))) throw deny('join-token-used-up', null);
  const { instance, rule } =
    token.instanceId === null
      ? await joinProject(deps, tx, token, applicant, deny)
      : await joinInstance(tx, token, token.instanceId, applicant, deny);

  // The installation that has got this far goes on; a failure from before is of no interest any more.
  const underWay = instance.agentState === 'installing';
  const change: InstanceChange = {
    identityKey: applicant.request.publicKey,
    identity: applicant.identity,
    agentVersion: applicant.request.agentVersion,
    agentState: underWay ? 'installing' : 'offline',
    // What belonged to the identity before goes with it: its keys, its sessions' secrets, its fence, its health.
    sealingKey: null,
    continuityCurrent: null,
    continuityPrevious: null,
    fencedAt: null,
    facts: null,
    components: {},
    reasons: underWay ? instance.reasons : [],
    connectedSince: null,
    lastSeenAt: null,
  };
  await tx.instances.update(instance.id, change);
  const entry = recordOf(token, applicant, instance.id, at);
  const detail = { ...entry.detail, name: instance.name, identityBefore: instance.identity };
  await tx.audit.append({ ...entry, decision: 'allow', rule, code: null, detail });
  const codes = { unapplied: 'agent-key-changed', underWay: 'agent-key-changed' } as const;
  const ended = await endTasksOf(tx, instance.id, codes, at);
  return { instance, replaced: instance.identity !== null, ended };
}

interface Place {
  readonly instance: InstanceRecord;
  readonly rule: string;
}
type Deny = (code: ApiCode, instance: InstanceId | null) => DeniedError;

/** A new instance in the token's project. A name that is in use is refused, whoever has it. */
async function joinProject(
  deps: Dependencies,
  tx: Repositories,
  token: TokenRecord,
  { request }: Applicant,
  deny: Deny,
): Promise<Place> {
  const project: ProjectName | undefined = token.projects?.[0];
  if (project === undefined) throw deny('join-token-invalid', null);
  const taken = await tx.instances.byName(request.name);
  if (taken !== null) throw deny('instance-name-taken', taken.id);
  const instance = newInstance(deps, { name: request.name, os: request.os, project, tags: {} });
  await tx.instances.insert(instance);
  return { instance, rule: 'join-token-project' };
}

/** The instance that the token is bound to, which an operator has named. */
async function joinInstance(
  tx: Repositories,
  token: TokenRecord,
  id: InstanceId,
  { request }: Applicant,
  deny: Deny,
): Promise<Place> {
  const instance = await tx.instances.get(id);
  // Removed, or moved to a project that the token's creator may have no rights in.
  if (instance === null || token.projects?.includes(instance.project) !== true) throw deny('join-token-invalid', id);
  if (instance.os !== request.os) throw deny('os-fixed', id);
  if (instance.identity === null) return { instance, rule: 'join-token-instance' };
  if (!token.reEnrol) throw deny('instance-already-enrolled', id);
  return { instance, rule: 'join-token-re-enrol' };
}

function recordOf(
  token: TokenRecord,
  { identity, request }: Applicant,
  instance: InstanceId | null,
  at: number,
): Omit<AuditEntry, 'decision' | 'rule' | 'code'> {
  return {
    at,
    actor: `token:${token.id} ${token.name}`,
    action: 'instance.enrol',
    resource: instance === null ? `token:${token.id}` : `instance:${instance}`,
    detail: { identity, os: request.os, wishedName: request.name, hostname: request.hostname },
  };
}
