import {
  AccountName,
  API_PREFIX,
  ChunkAccepted,
  DEFAULT_PASSWORD_POLICY,
  InstanceId,
  InstanceName,
  ProjectName,
  ResetId,
  ResetPlan,
  StartReset,
  TaskId,
  type PasswordPolicy,
  type PlannedTarget,
  type Signed,
  type Task,
} from '#protocol';
import { randomUUID } from 'node:crypto';
import type * as z from 'zod';
import type { Client } from '../../../../control-plane/console/api/client.ts';
import { ApiFailure } from '../../../../control-plane/console/api/failure.ts';
import { newIdentity, type FakeIdentity } from '../../../support/fake-agent.ts';

export const ALICE = AccountName.parse('alice');

/** An instance, and how a control plane plans it. */
export interface PlannedInstance {
  readonly identity: FakeIdentity;
  readonly target: PlannedTarget;
}

export async function plannedInstance(name: string): Promise<PlannedInstance> {
  const identity = await newIdentity(InstanceId.parse(randomUUID()));
  return {
    identity,
    target: {
      instanceId: identity.instanceId,
      name: InstanceName.parse(name),
      os: 'linux',
      project: ProjectName.parse('default'),
      account: ALICE,
      identityKey: identity.signer.publicKey,
      sealingKey: identity.sealingKey,
      blocked: null,
    },
  };
}

/** A control plane that plans these targets and takes what it is sent. */
export class PlanningClient implements Pick<Client, 'get' | 'send'> {
  readonly resetId = ResetId.parse(randomUUID());
  readonly chunks: z.output<typeof StartReset>[] = [];
  targets: PlannedTarget[];
  policy: PasswordPolicy = DEFAULT_PASSWORD_POLICY;
  now = Date.now();
  /** What answers to the last chunk instead of the control plane; it may have been taken all the same. */
  lost: { readonly failure: ApiFailure; readonly isTaken: boolean } | null = null;

  constructor(targets: readonly PlannedTarget[]) {
    this.targets = [...targets];
  }

  async send(_method: string, path: string, schema: z.ZodType, { body }: { body?: unknown } = {}): Promise<never> {
    if (path === `${API_PREFIX}/resets/plan`) return schema.parse(this.#plan()) as never;
    if (path !== `${API_PREFIX}/resets`) throw new Error(`nobody expected ${path}`);
    const chunk = StartReset.parse(body);
    const { lost } = this;
    if (lost === null || lost.isTaken) this.chunks.push(chunk);
    if (lost !== null) throw lost.failure;
    return schema.parse(ChunkAccepted.parse({ resetId: this.resetId, received: this.chunks.length })) as never;
  }

  async get(path: string, _schema: z.ZodType): Promise<never> {
    if (path !== `${API_PREFIX}/resets/${this.resetId}`) throw new Error(`nobody expected ${path}`);
    if (this.chunks.length > 0) return undefined as never;
    throw new ApiFailure(404, { code: 'reset-not-found', message: '', remedy: '', details: [] });
  }

  #plan(): ResetPlan {
    return ResetPlan.parse({
      resetId: this.resetId,
      mode: 'online',
      options: {},
      supersede: false,
      passwordPolicy: this.policy,
      targets: this.targets,
      now: this.now,
      expiresAt: this.now + 60_000,
    });
  }
}

/** A task as the control plane tells of it. */
export function toldTask(about: Pick<Task, 'instanceId'> & Partial<Task>): Task {
  return {
    id: TaskId.parse(randomUUID()),
    instance: 'web-1',
    os: 'linux',
    account: ALICE,
    state: 'succeeded',
    code: null,
    message: null,
    remedy: null,
    detail: null,
    verifiedBy: 'login',
    warnings: [],
    appliedMs: 40,
    verifiedMs: 90,
    generation: 1,
    result: null as Signed | null,
    sealedDigest: null,
    updatedAt: 1_000,
    ...about,
  };
}
