import type {
  AccountRef,
  Action,
  ActorRole,
  AgentState,
  AuditEvent,
  Code,
  ComponentMap,
  ConsoleSessionId,
  Digest,
  InstanceFacts,
  InstanceId,
  InstanceName,
  OperatingSystem,
  PowerState,
  ProjectName,
  PublicKey,
  ResetId,
  ResetMode,
  ResetOptions,
  SealedPassword,
  Signed,
  Tags,
  TaskId,
  TaskState,
  Thumbprint,
  TokenId,
  VerifiedBy,
  Warning,
} from '#protocol';

/** What the store holds, as the services see it. Times are milliseconds since the epoch. */

export interface InstanceRecord {
  readonly id: InstanceId;
  readonly name: InstanceName;
  readonly os: OperatingSystem;
  readonly project: ProjectName;
  readonly tags: Tags;
  readonly power: PowerState;
  readonly createdAt: number;
  /** Set by enrolment, null before. */
  readonly identityKey: PublicKey | null;
  readonly identity: Thumbprint | null;
  /** The newest certified sealing key. */
  readonly sealingKey: Signed | null;
  /** Hashes of the continuity secrets that the next session may present. */
  readonly continuityCurrent: Digest | null;
  readonly continuityPrevious: Digest | null;
  /** When the identity was fenced; null while it is not. Why stands in `reasons`. */
  readonly fencedAt: number | null;
  readonly agentState: AgentState;
  readonly agentVersion: string | null;
  readonly facts: InstanceFacts | null;
  /** Last reported components; kept so that a restart does not forget why an agent was abnormal. */
  readonly components: ComponentMap;
  /** Why the agent is `abnormal`: what has failed for long enough to show, or what the control plane found. */
  readonly reasons: readonly AgentReason[];
  readonly connectedSince: number | null;
  readonly lastSeenAt: number | null;
}

export interface AgentReason {
  /** Null for reasons that the control plane found itself (a missed challenge, a clone). */
  readonly component: string | null;
  readonly code: Code;
  readonly detail: string | null;
  readonly since: number;
}

export interface ProjectRecord {
  readonly name: ProjectName;
  readonly serviceEnabled: boolean;
  readonly statementVersion: number | null;
  readonly enabledBy: string | null;
  readonly enabledAt: number | null;
}

/** A token of either type; the secret itself is never stored. */
export interface TokenRecord {
  readonly id: TokenId;
  readonly type: 'api' | 'join';
  readonly name: string;
  /** SHA-256 of the secret. */
  readonly secretDigest: Digest;
  readonly role: ActorRole | null;
  /** API: where it is good; null means everywhere. Join: exactly the one project. */
  readonly projects: readonly ProjectName[] | null;
  readonly accounts: readonly string[] | null;
  readonly privileged: boolean;
  /** Join: the instance that it is bound to. */
  readonly instanceId: InstanceId | null;
  readonly reEnrol: boolean;
  readonly usesLeft: number | null;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly lastUsedAt: number | null;
}

/** One sign-in of a browser; the secret itself is never stored. */
export interface ConsoleSessionRecord {
  readonly id: ConsoleSessionId;
  readonly tokenId: TokenId;
  /** SHA-256 of the secret in the cookie. */
  readonly secretDigest: Digest;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly revokedAt: number | null;
  readonly source: string;
  /** What the browser says it is. */
  readonly browser: string;
}

export interface ResetRecord {
  readonly id: ResetId;
  readonly mode: ResetMode;
  /** As the operator named it; null for the default of each OS. */
  readonly account: string | null;
  readonly options: ResetOptions;
  readonly supersede: boolean;
  /** The token that planned it; rights are checked again at delivery. */
  readonly tokenId: TokenId;
  readonly requestedBy: string;
  readonly plannedAt: number;
  readonly planExpiresAt: number;
  /** Null until it was started. */
  readonly requestedAt: number | null;
  readonly notAfter: number | null;
  readonly finishedAt: number | null;
  /** How many of its tasks may be with their instances at once. */
  readonly concurrency: number;
  /** After so many failures nothing more of it is sent; null: never. */
  readonly stopAfterFailures: number | null;
  readonly retryOf: ResetId | null;
  /** Since when it is held; null while it is not. How it stands follows from these times, see `resetStateOf`. */
  readonly pausedAt: number | null;
  readonly stoppedAt: number | null;
}

/** A reset that is no plan any more. */
export type StartedReset = ResetRecord & { readonly requestedAt: number; readonly notAfter: number };

export function isStarted(reset: ResetRecord): reset is StartedReset {
  return reset.requestedAt !== null && reset.notAfter !== null;
}

/** One instance of a plan, and the ciphertext once a chunk brought it. Deleted when the reset starts. */
export interface PlannedTargetRecord {
  readonly resetId: ResetId;
  readonly instanceId: InstanceId;
  readonly account: AccountRef;
  readonly identity: Thumbprint | null;
  /** The sealing key that the plan named. */
  readonly keyId: Thumbprint | null;
  readonly blocked: Code | null;
  readonly sealed: SealedPassword | null;
}

export interface TaskRecord {
  readonly id: TaskId;
  readonly resetId: ResetId;
  readonly instanceId: InstanceId;
  readonly account: AccountRef;
  readonly mode: ResetMode;
  readonly options: ResetOptions;
  readonly generation: number;
  readonly state: TaskState;
  /** Erased when the task ends. */
  readonly sealed: SealedPassword | null;
  readonly sealedDigest: Digest | null;
  readonly notAfter: number;
  readonly requestedAt: number;
  /** When the order left that the instance took, or the newest one as long as it has not said so; null before. */
  readonly dispatchedAt: number | null;
  readonly code: Code | null;
  readonly detail: string | null;
  readonly verifiedBy: VerifiedBy | null;
  readonly warnings: readonly Warning[];
  readonly appliedMs: number | null;
  readonly verifiedMs: number | null;
  readonly result: Signed | null;
  readonly updatedAt: number;
}

/** What the audit calls what was tried: a request of a public route by method and path, everything else by a name of the list. */
export type RecordedAction = Action | AuditEvent | `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`;

/** A record of the audit, to be written. */
export interface AuditEntry extends StoredAuditEntry {
  readonly action: RecordedAction;
}

/** As it is read: the action may be one of another version of the control plane. */
export interface StoredAuditEntry {
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly resource: string;
  readonly decision: 'allow' | 'deny' | null;
  readonly rule: string | null;
  readonly code: string | null;
  /** Never a secret. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}
