import { randomBytes, randomUUID } from 'node:crypto';

import {
  AccountName,
  ConsoleSessionId,
  Digest,
  InstanceId,
  InstanceName,
  ProjectName,
  PublicKey,
  ResetId,
  SealedPassword,
  Signed,
  TaskId,
  Thumbprint,
  TokenId,
} from '#protocol';
import type {
  AuditEntry,
  ConsoleSessionRecord,
  InstanceRecord,
  PlannedTargetRecord,
  ResetRecord,
  TaskRecord,
  TokenRecord,
} from '../../control-plane/server/store/records.ts';

/** Records with something in every field that may be empty, so that a test of a round trip tries all of them. */

const base64Url = (bytes: number) => randomBytes(bytes).toString('base64url');

export const someDigest = () => Digest.parse(base64Url(32));
export const someThumbprint = () => Thumbprint.parse(base64Url(32));
export const someInstanceId = () => InstanceId.parse(randomUUID());
export const someSigned = () =>
  Signed.parse({ bytes: base64Url(100), key: someThumbprint(), signature: base64Url(64) });
export const someSealed = () =>
  SealedPassword.parse({ keyId: someThumbprint(), enc: base64Url(32), ciphertext: base64Url(80) });

export const DEFAULT_PROJECT = ProjectName.parse('default');
export const ROOT = AccountName.parse('root');

export function anInstance(change: Partial<InstanceRecord> = {}): InstanceRecord {
  const id = someInstanceId();
  return {
    id,
    name: InstanceName.parse(`i-${id}`),
    os: 'linux',
    project: DEFAULT_PROJECT,
    tags: { role: 'web', 'env/site': "O'Hara; --" },
    power: 'running',
    createdAt: 1_700_000_000_000,
    identityKey: PublicKey.parse(base64Url(32)),
    identity: someThumbprint(),
    sealingKey: someSigned(),
    continuityCurrent: someDigest(),
    continuityPrevious: someDigest(),
    fencedAt: 1_700_000_000_001,
    agentState: 'running',
    agentVersion: '1.2.3',
    facts: {
      os: 'linux',
      hostname: 'web-1',
      osVersion: 'Debian 13',
      kernel: '6.12',
      architecture: 'x64',
      bootId: randomUUID(),
    },
    components: { disk: { state: 'ok' }, clock: { state: 'failing', code: 'clock-skewed', detail: '+400 s' } },
    reasons: [
      { component: 'clock', code: 'clock-skewed', detail: '+400 s', since: 1_700_000_000_002 },
      { component: null, code: 'liveness-missed', detail: null, since: 1_700_000_000_003 },
    ],
    connectedSince: 1_700_000_000_004,
    lastSeenAt: 1_700_000_000_005,
    ...change,
  };
}

export function aToken(change: Partial<TokenRecord> = {}): TokenRecord {
  return {
    id: TokenId.parse(randomUUID()),
    type: 'api',
    name: 'ops',
    secretDigest: someDigest(),
    role: 'operator',
    projects: [DEFAULT_PROJECT],
    accounts: ['root'],
    privileged: true,
    instanceId: someInstanceId(),
    reEnrol: true,
    usesLeft: 3,
    createdAt: 1_700_000_000_000,
    createdBy: 'system',
    expiresAt: 1_800_000_000_000,
    revokedAt: null,
    lastUsedAt: null,
    ...change,
  };
}

export function aConsoleSession(token: TokenRecord, change: Partial<ConsoleSessionRecord> = {}): ConsoleSessionRecord {
  return {
    id: ConsoleSessionId.parse(randomUUID()),
    tokenId: token.id,
    secretDigest: someDigest(),
    createdAt: 1_700_000_000_000,
    lastUsedAt: 1_700_000_000_000,
    revokedAt: null,
    source: '192.0.2.1',
    browser: 'a browser',
    ...change,
  };
}

export function aReset(change: Partial<ResetRecord> = {}): ResetRecord {
  return {
    id: ResetId.parse(randomUUID()),
    mode: 'online',
    account: 'root',
    options: { unlock: true, unexpire: false, mustChange: true },
    supersede: true,
    tokenId: TokenId.parse(randomUUID()),
    requestedBy: 'ops',
    plannedAt: 1_700_000_000_000,
    planExpiresAt: 1_700_000_900_000,
    requestedAt: null,
    notAfter: null,
    finishedAt: null,
    concurrency: 7,
    stopAfterFailures: 3,
    retryOf: ResetId.parse(randomUUID()),
    pausedAt: 1_700_000_000_006,
    stoppedAt: 1_700_000_000_007,
    ...change,
  };
}

export function aTarget(reset: ResetRecord, change: Partial<PlannedTargetRecord> = {}): PlannedTargetRecord {
  return {
    resetId: reset.id,
    instanceId: someInstanceId(),
    account: ROOT,
    identity: someThumbprint(),
    keyId: someThumbprint(),
    blocked: 'agent-offline',
    sealed: someSealed(),
    ...change,
  };
}

export function aTask(reset: ResetRecord, change: Partial<TaskRecord> = {}): TaskRecord {
  return {
    id: TaskId.parse(randomUUID()),
    resetId: reset.id,
    instanceId: someInstanceId(),
    account: ROOT,
    mode: 'online',
    options: { unlock: true, unexpire: false, mustChange: true },
    generation: 1,
    state: 'pending',
    sealed: someSealed(),
    sealedDigest: someDigest(),
    notAfter: 1_700_000_600_000,
    requestedAt: 1_700_000_000_000,
    dispatchedAt: 1_700_000_000_001,
    code: 'script-failed',
    detail: 'exit code 3',
    verifiedBy: 'hash',
    warnings: ['nologin-shell', 'account-locked'],
    appliedMs: 12.5,
    verifiedMs: 40,
    result: someSigned(),
    updatedAt: 1_700_000_000_002,
    ...change,
  };
}

export function anEntry(change: Partial<AuditEntry> = {}): AuditEntry {
  return {
    at: 1_700_000_000_000,
    actor: 'system',
    action: 'task.state',
    resource: 'task:1',
    decision: 'allow',
    rule: 'role-operator',
    code: 'script-failed',
    detail: { from: 'pending', attempts: 2, late: false, who: null },
    ...change,
  };
}
