import {
  formatJoinToken,
  TokenId,
  type CreateApiToken,
  type CreatedToken,
  type CreateJoinToken,
  type InstanceName,
  type Thumbprint,
} from '#protocol';
import type * as z from 'zod';
import { auditName, type Actor } from '../domain/actor.ts';
import type { TokenRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { endOfTokenFrom, withinRightsOf } from './delegation.ts';
import { ApiError } from './errors.ts';
import { ANYTHING, type Gate } from './gate.ts';
import { locateForChange } from './instance-lookup.ts';
import type { Clock, Hash, Random } from './ports.ts';
import { requireProject } from './project-service.ts';
import { formatApiToken, newSecret } from './token-secrets.ts';

/** What join tokens carry, so that an agent can tell this control plane from an impostor. */
export interface JoinTrust {
  /** SHA-256 of the CA's SubjectPublicKeyInfo, base64url; null where a public certificate is used. */
  readonly caPin: string | null;
  /** The script key that signed the current key set. */
  readonly scriptKey: () => Thumbprint;
  /** The version of that key set. */
  readonly keySetVersion: () => number;
}

/** What making a token takes. */
export interface TokenCreation {
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly gate: Gate;
  readonly joinTrust: JoinTrust;
}

/** A token for the API, with no more rights than its creator has. */
export async function createApiToken(
  deps: TokenCreation,
  actor: Actor,
  request: z.output<typeof CreateApiToken>,
): Promise<CreatedToken> {
  const { secret, digest } = newSecret(deps.random, deps.hash);
  const record: TokenRecord = {
    ...blankToken(deps, auditName(actor)),
    type: 'api',
    name: request.name,
    secretDigest: digest,
    role: request.role,
    projects: request.projects,
    accounts: request.accounts,
    privileged: request.privileged,
    expiresAt: endOfTokenFrom(actor, request.ttlMs === null ? null : deps.clock.now() + request.ttlMs),
  };
  const subject = `token:${record.id}`;
  await deps.gate.change(async (tx) => {
    const rule = deps.gate.decide(actor, 'token.create', ANYTHING, { subject });
    if (!withinRightsOf(actor, request)) {
      throw deps.gate.denial(actor, 'token.create', subject, 'no-escalation', 'not-authorised');
    }
    // A name that was mistyped would be a token for nothing, found out much later.
    for (const project of request.projects ?? []) await requireProject(tx, project);
    await tx.tokens.insert(record);
    const detail = { type: 'api', name: record.name, role: request.role, privileged: record.privileged };
    await tx.audit.append(deps.gate.allowed(actor, 'token.create', subject, rule, detail));
  });
  return { id: record.id, token: formatApiToken({ id: record.id, secret }), expiresAt: record.expiresAt };
}

/** A token with which agents join a project, or the agent of one instance joins that. */
export async function createJoinToken(
  deps: TokenCreation,
  actor: Actor,
  request: z.output<typeof CreateJoinToken>,
): Promise<CreatedToken> {
  refuseLooseBinding(request);
  const { gate } = deps;
  const { secret, digest } = newSecret(deps.random, deps.hash);
  const blank = blankToken(deps, auditName(actor));
  const wished = deps.clock.now() + request.ttlMs;
  const expiresAt = endOfTokenFrom(actor, wished) ?? wished;
  const subject = `token:${blank.id}`;
  await gate.change(async (tx) => {
    const bound =
      request.instance === null ? null : await locateBound(gate, tx, actor, request.instance, request.reEnrol);
    // A token that is bound to an instance belongs to the project of that instance, whatever the request says.
    const project = bound?.record.project ?? request.project;
    const rule = bound?.rule ?? gate.decide(actor, 'join-token.create', { project, instanceId: null }, { subject });
    if (bound === null) await requireProject(tx, project);
    const { reEnrol, uses } = request;
    const name = bound === null ? `join ${project}` : `join ${bound.record.name}`;
    const instanceId = bound?.record.id ?? null;
    const fresh = { ...blank, name, secretDigest: digest, projects: [project], instanceId, reEnrol, expiresAt };
    await tx.tokens.insert({ ...fresh, type: 'join', usesLeft: uses });
    const detail = { type: 'join', project, instance: instanceId, reEnrol, uses };
    await tx.audit.append(gate.allowed(actor, 'join-token.create', subject, rule, detail));
  });
  const { caPin, scriptKey, keySetVersion } = deps.joinTrust;
  const trust = { caPin, scriptKey: scriptKey(), keySetVersionMin: keySetVersion() };
  const token = formatJoinToken({ id: blank.id, secret, ...trust });
  return { id: blank.id, token, expiresAt };
}

/** The instance that the token is for. One that has an identity keeps it, unless its replacement is asked for by name. */
async function locateBound(gate: Gate, tx: Repositories, actor: Actor, instance: InstanceName, reEnrol: boolean) {
  const bound = await locateForChange(gate, tx, actor, 'join-token.create', instance, {
    displacesIdentity: reEnrol,
  });
  if (bound.record.identity !== null && !reEnrol) throw new ApiError('instance-already-enrolled');
  return bound;
}

/** A re-enrolment is for one instance, once: a token that replaced identities again and again would be a master key. */
function refuseLooseBinding(request: z.output<typeof CreateJoinToken>): void {
  const details = [
    ...(request.reEnrol && request.instance === null
      ? [{ subject: 'body.instance', code: 'required', message: 'A re-enrolment is of one instance: name it.' }]
      : []),
    ...(request.instance !== null && request.uses !== 1
      ? [{ subject: 'body.uses', code: 'too_big', message: 'A token bound to an instance has one use.' }]
      : []),
  ];
  if (details.length > 0) throw new ApiError('body-malformed', { details });
}

type BlankToken = Omit<TokenRecord, 'type' | 'name' | 'secretDigest'>;

/** A token that may do nothing yet. */
export function blankToken({ clock, random }: Pick<TokenCreation, 'clock' | 'random'>, createdBy: string): BlankToken {
  return {
    id: TokenId.parse(random.uuid()),
    role: null,
    projects: null,
    accounts: null,
    privileged: false,
    instanceId: null,
    reEnrol: false,
    usesLeft: null,
    createdAt: clock.now(),
    createdBy,
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  };
}
