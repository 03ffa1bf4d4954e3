import type {
  AccountRef,
  AgentState,
  AuditRecord,
  ConsoleSessionId,
  InstanceId,
  InstanceName,
  InstanceSort,
  OperatingSystem,
  ProjectName,
  ResetCounts,
  ResetId,
  SealedPassword,
  TaskId,
  TaskState,
  Thumbprint,
  TokenId,
} from '#protocol';
import type {
  AuditEntry,
  ConsoleSessionRecord,
  InstanceRecord,
  PlannedTargetRecord,
  ProjectRecord,
  ResetRecord,
  StartedReset,
  TaskRecord,
  TokenRecord,
} from './records.ts';

/** A page of rows; hand `next` back as `after` to go on. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
}
export interface PageRequest {
  readonly limit: number;
  /** Opaque; the `next` of the page before. Text that is none throws `InvalidCursorError`. */
  readonly after: string | null;
}

/** Thrown for a cursor that this store did not hand out. */
export class InvalidCursorError extends Error {}

export interface InstanceFilter {
  readonly name?: string;
  readonly projects?: readonly ProjectName[];
  readonly os?: OperatingSystem;
  readonly state?: AgentState;
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
  readonly search?: string;
  readonly version?: string;
}

/** In which order instances are listed; those that are equal by name, and without a value first. */
export interface InstanceOrder {
  readonly by: InstanceSort;
  readonly descending: boolean;
}

/** What may be updated; name, os and ids have their own rules in the services. */
export type InstanceChange = Partial<Omit<InstanceRecord, 'id' | 'createdAt'>>;
/** Who holds the identity, and what the next session has to present. */
export type InstanceExpectation = Pick<
  InstanceRecord,
  'identity' | 'continuityCurrent' | 'continuityPrevious' | 'fencedAt'
>;
export type TaskChange = Partial<Omit<TaskRecord, 'id' | 'resetId' | 'instanceId' | 'account' | 'generation'>>;

export interface InstanceRepository {
  get(id: InstanceId): Promise<InstanceRecord | null>;
  /** Some fields of it, for what a whole fleet asks when it comes back: what is not needed costs most of a read. */
  getPart<K extends keyof InstanceRecord>(
    id: InstanceId,
    fields: readonly K[],
  ): Promise<Pick<InstanceRecord, K> | null>;
  getMany(ids: readonly InstanceId[]): Promise<readonly InstanceRecord[]>;
  /** Some fields of those instances, in no order; unknown ids are left out. */
  getParts<K extends keyof InstanceRecord>(
    ids: readonly InstanceId[],
    fields: readonly K[],
  ): Promise<readonly Pick<InstanceRecord, K>[]>;
  byName(name: InstanceName): Promise<InstanceRecord | null>;
  byNames(names: readonly InstanceName[]): Promise<readonly InstanceRecord[]>;
  byIdentity(identity: Thumbprint): Promise<InstanceRecord | null>;
  /** By name, ascending, unless told otherwise. */
  list(filter: InstanceFilter, page: PageRequest, order?: InstanceOrder): Promise<Page<InstanceRecord>>;
  count(filter: InstanceFilter): Promise<number>;
  /** Of these projects; null: of all. */
  countsByState(projects?: readonly ProjectName[] | null): Promise<Readonly<Record<AgentState, number>>>;
  /** How many there are of each version of the agent, most first; null: it never said. */
  countsByVersion(
    projects: readonly ProjectName[] | null,
  ): Promise<readonly { readonly version: string | null; readonly count: number }[]>;
  /** At start: nobody is connected yet, so every `running` or `abnormal` that is not fenced becomes `offline`. */
  markAllDisconnected(): Promise<void>;
  insert(instance: InstanceRecord): Promise<void>;
  update(id: InstanceId, change: InstanceChange): Promise<void>;
  /** The same where the instance still is as `expected` says; false, and nothing written, where it is not. */
  updateIf(id: InstanceId, expected: InstanceExpectation, change: InstanceChange): Promise<boolean>;
  delete(id: InstanceId): Promise<void>;
}

export interface ProjectRepository {
  get(name: ProjectName): Promise<ProjectRecord | null>;
  list(): Promise<readonly ProjectRecord[]>;
  put(project: ProjectRecord): Promise<void>;
}

export interface TokenRepository {
  get(id: TokenId): Promise<TokenRecord | null>;
  /** Newest first. */
  list(page: PageRequest): Promise<Page<TokenRecord>>;
  /** What was made with that token, in the order of their making. */
  madeWith(id: TokenId): Promise<readonly TokenRecord[]>;
  insert(token: TokenRecord): Promise<void>;
  revoke(id: TokenId, at: number): Promise<void>;
  touch(id: TokenId, at: number): Promise<void>;
  /** Takes one use of a join token; false when none was left. */
  takeUse(id: TokenId): Promise<boolean>;
}

export interface ConsoleSessionFilter {
  /** Only those of this token. */
  readonly tokenId?: TokenId;
  /** Only those that were opened after this and not revoked. */
  readonly openedAfter: number;
  /** Only those that were opened at this or before. */
  readonly openedUntil?: number;
  /** Only those that were used after this. */
  readonly usedAfter?: number;
  /** Only those whose token is neither revoked nor, at this time, expired. */
  readonly tokenGoodAt?: number;
}

export interface ConsoleSessionRepository {
  get(id: ConsoleSessionId): Promise<ConsoleSessionRecord | null>;
  /** Newest first. */
  list(filter: ConsoleSessionFilter, page: PageRequest): Promise<Page<ConsoleSessionRecord>>;
  insert(session: ConsoleSessionRecord): Promise<void>;
  /** Never moves back. */
  touch(id: ConsoleSessionId, at: number): Promise<void>;
  revoke(id: ConsoleSessionId, at: number): Promise<void>;
  /** Forgets sessions that were opened at or before `until`; returns how many. */
  deleteOpenedUntil(until: number): Promise<number>;
}

export interface ResetFilter {
  /** Null: of all projects. */
  readonly projects: readonly ProjectName[] | null;
  readonly requestedWith?: TokenId;
  /** Only those with a task on it. */
  readonly instance?: InstanceId;
}

export interface ResetRepository {
  get(id: ResetId): Promise<ResetRecord | null>;
  /**
   * Started resets, newest first. `projects` limits to those whose instances are all in these, and to at least one that
   * still is there; what the token of `requestedWith` asked for comes along in any case.
   */
  list(filter: ResetFilter, page: PageRequest): Promise<Page<StartedReset>>;
  insert(reset: ResetRecord, targets: readonly PlannedTargetRecord[]): Promise<void>;
  targets(id: ResetId): Promise<readonly PlannedTargetRecord[]>;
  putSealed(id: ResetId, sealed: readonly { instanceId: InstanceId; password: SealedPassword }[]): Promise<void>;
  /** Marks it started and deletes its planned targets; false when it was started before. */
  start(id: ResetId, at: { readonly requestedAt: number; readonly notAfter: number }): Promise<boolean>;
  finish(id: ResetId, at: number): Promise<void>;
  /** Holds it from then on; with null, holds it no longer. */
  pause(id: ResetId, at: number | null): Promise<void>;
  /** Too many failed. The first time stands. */
  stop(id: ResetId, at: number): Promise<void>;
  /** Started resets that retry this one, newest first. */
  retriesOf(id: ResetId, limit: number): Promise<readonly ResetId[]>;
  /** For the sweep: started resets that are not finished, by id; `after` goes on behind that one. */
  open(limit: number, after: ResetId | null): Promise<readonly ResetId[]>;
  /** The projects of the instances that its tasks are about; removed instances do not count. */
  projectsOf(id: ResetId): Promise<readonly ProjectName[]>;
  /** Forgets plans that were never started and have expired; ciphertexts go with them. */
  deleteExpiredPlans(now: number): Promise<number>;
  /**
   * Forgets resets that finished at or before `until`, oldest end first, each with all of its tasks: at most so many
   * resets, and of so many tasks together, but always one. Never one with an unfinished task. `more`: there are others.
   */
  deleteFinished(
    until: number,
    limit: { readonly resets: number; readonly tasks: number },
  ): Promise<{ readonly resets: number; readonly tasks: number; readonly more: boolean }>;
}

export interface TaskRepository {
  get(id: TaskId): Promise<TaskRecord | null>;
  ofReset(id: ResetId, filter: { readonly state?: TaskState }, page: PageRequest): Promise<Page<TaskRecord>>;
  counts(id: ResetId): Promise<ResetCounts>;
  /** Whether a task of the reset is still to come to an end. */
  hasUnfinished(id: ResetId): Promise<boolean>;
  /** Those tasks, in no order; unknown ids are left out. */
  getMany(ids: readonly TaskId[]): Promise<readonly TaskRecord[]>;
  /** Tasks of those instances that are still to come to an end, oldest generation first. */
  unfinishedOf(ids: readonly InstanceId[]): Promise<readonly TaskRecord[]>;
  /** For the sweep: unfinished tasks whose limit has passed, at most `limit`. */
  overdue(now: number, limit: number): Promise<readonly TaskRecord[]>;
  /** How many tasks of the reset are in one of these states. */
  countIn(id: ResetId, states: readonly TaskState[]): Promise<number>;
  /** Where the reset's online tasks are that wait to be sent, by id; `after` goes on behind that one. */
  inTurn(
    id: ResetId,
    limit: number,
    after: TaskId | null,
  ): Promise<readonly { readonly id: TaskId; readonly instanceId: InstanceId }[]>;
  /** Tasks of the reset of which nothing was sent, in no order. */
  unappliedOf(id: ResetId, limit: number): Promise<readonly TaskRecord[]>;
  insert(tasks: readonly TaskRecord[]): Promise<void>;
  /** Changes the task only if it is still in `from`; false otherwise, so that two writers cannot both win. */
  update(id: TaskId, from: TaskState, change: TaskChange): Promise<boolean>;
  countsByState(): Promise<Readonly<Record<TaskState, number>>>;
  /** The newest task of each of these instances that has one. */
  newestOf(ids: readonly InstanceId[]): Promise<readonly TaskRecord[]>;
  /** Tasks that ended at or after `since`, by day (in whole days since the epoch, UTC) and state. */
  endedByDay(
    since: number,
    projects: readonly ProjectName[] | null,
  ): Promise<readonly { readonly day: number; readonly state: TaskState; readonly count: number }[]>;
}

export interface GenerationRepository {
  /** Highest known generation of that account there; 0 where none is known. */
  highest(id: InstanceId, account: AccountRef): Promise<number>;
  /** One more than the highest known, which it is from now on. */
  next(id: InstanceId, account: AccountRef): Promise<number>;
  /** Raises the stored figure to at least this; never lowers it. */
  raise(id: InstanceId, account: AccountRef, generation: number): Promise<void>;
}

export interface AuditFilter {
  readonly action?: string;
  readonly resource?: string;
  readonly actor?: string;
  readonly since?: number;
}

export interface AuditRepository {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRecord>>;
  /**
   * What anybody can bring about: one record a code, source and minute, whose detail counts. `minute` is the epoch in
   * whole minutes, `times` how often it happened since it was last counted.
   */
  countRefusal(
    entry: AuditEntry,
    key: { readonly code: string; readonly source: string; readonly minute: number },
    times?: number,
  ): Promise<void>;
  /**
   * Forgets at most `limit` records of `until` or before, oldest first. Never the newest of all: no number of a record
   * is given twice.
   */
  deleteUntil(until: number, limit: number): Promise<number>;
}

/** Every repository, over one connection or one transaction. */
export interface Repositories {
  readonly instances: InstanceRepository;
  readonly projects: ProjectRepository;
  readonly tokens: TokenRepository;
  readonly consoleSessions: ConsoleSessionRepository;
  readonly resets: ResetRepository;
  readonly tasks: TaskRepository;
  readonly generations: GenerationRepository;
  readonly audit: AuditRepository;
}

export interface Store {
  /** For reading outside a transaction; sees only what was committed. */
  readonly read: Repositories;
  /**
   * Runs `work` in a transaction and resolves once it is durable (fsync). What `work` throws rolls it back, alone, and
   * is thrown on. Transactions that wait at the same time share one commit. `work` must wait for nothing but the store.
   */
  transaction<T>(work: (tx: Repositories) => Promise<T>): Promise<T>;
  /** Overwrites what was deleted: truncates the write-ahead log. Called after sealed bytes were erased. */
  scrub(): Promise<void>;
  close(): Promise<void>;
}
