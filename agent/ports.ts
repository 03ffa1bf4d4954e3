import type {
  AccountName,
  AccountRef,
  ComponentMap,
  Digest,
  InstanceFacts,
  KeySet,
  KeySetVerdict,
  PublicKey,
  ResetOptions,
  ResultCode,
  SealContext,
  SealedPassword,
  Signed,
  Signer,
  Thumbprint,
  Verify,
  VerifiedBy,
  Warning,
} from '#protocol';
import type { LocalPolicy } from './domain/policy.ts';

/** Everything that the agent touches. The composition root makes them real; a simulation makes them up. */

export interface Clock {
  /** Wall clock, milliseconds since the epoch; may be wrong and may jump. */
  now(): number;
  /** Milliseconds since the instance booted: never goes back, and goes on when the agent is started again. */
  monotonic(): number;
  /** Calls back once after that long; the returned function forgets it. */
  after(delayMs: number, run: () => void): () => void;
}

export interface Random {
  /** Cryptographic. */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). For jitter, not for secrets. */
  fraction(): number;
}

/** Structured log. No secret is ever handed to it. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The state directory: few small files, by name. Every promise rejects where the disk refuses. */
export interface Storage {
  /** null when there is no such file. */
  read(name: string): Promise<Uint8Array | null>;
  /** Resolves once on disk; a crash leaves the old content or the new, never a mixture. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * Resolves once on disk. A crash may leave any part of `bytes` behind what was there, with NUL bytes in the place of the
   * others. Whoever reads the file may find NUL bytes at its end.
   */
  append(name: string, bytes: Uint8Array): Promise<void>;
  /** Resolves once gone for good; no error when there was none. */
  remove(name: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

/** One connection to the control plane. Sending never blocks and never throws; what cannot be sent is lost. */
export interface Connection {
  send(text: string): void;
  /** Says a close code and goes; the handlers hear no more of it. */
  close(code: number, reason: string): void;
}

export interface ConnectionHandlers {
  onOpen(): void;
  /** One text message. Binary messages are `null`: the protocol has none. */
  onMessage(text: string | null): void;
  /** At most once, also when it could not be opened. `code` is the peer's close code, if it said one. */
  onClose(code: number | null, detail: string): void;
}

export interface Transport {
  /**
   * Starts to connect. No handler is called before this returns. `authorities`: those of the key set that is held, which
   * take the place of the own one that was joined by; null where it names none.
   */
  dial(handlers: ConnectionHandlers, authorities: readonly string[] | null): Connection;
}

export interface NewSealingKey {
  readonly publicKey: PublicKey;
  readonly keyId: Thumbprint;
  /** 32 bytes, X25519. */
  readonly privateKey: Uint8Array;
}

export interface AgentCrypto {
  /** The instance's identity. */
  readonly identity: Signer;
  readonly verify: Verify;
  sha256(bytes: Uint8Array): Digest;
  createSealingKey(): Promise<NewSealingKey>;
  /** The password's bytes, to be zeroed by the caller; null when the seal does not fit. */
  unseal(privateKey: Uint8Array, context: SealContext, sealed: SealedPassword): Promise<Uint8Array | null>;
  judgeKeySet(held: KeySet, candidate: Signed): Promise<KeySetVerdict>;
  /** Whether a set that was believed before is still whole: signed by one of its own script keys, revoked or not. */
  reopenKeySet(stored: Signed): Promise<KeySetVerdict>;
}

export interface ResetRequest {
  readonly account: AccountName;
  /**
   * Opens it; null gives the reset up. Called once, when all that can go on without it has been set going. Stays the
   * caller's, who zeroes it afterwards.
   */
  readonly password: () => Promise<Uint8Array | null>;
  readonly options: ResetOptions;
  /** Whether the order allows an account that is an administrator. */
  readonly privileged: boolean;
  /** Signature and digest have been checked. */
  readonly script: Uint8Array;
  /** Nothing is touched before this resolves to true: what only looks need not wait for it. False gives the reset up. */
  readonly begun: Promise<boolean>;
  /** Gives the reset up; what it has done by then is not known. */
  readonly signal: AbortSignal;
}

export type ResetOutcome =
  | {
      readonly state: 'succeeded';
      readonly verifiedBy: VerifiedBy;
      readonly warnings: readonly Warning[];
      /** Milliseconds from the call until the password was set. */
      readonly appliedMs: number;
      /** Milliseconds from the call until it was proven. */
      readonly verifiedMs: number;
    }
  | {
      readonly state: 'failed' | 'outcome-unknown';
      readonly code: ResultCode;
      readonly detail: string;
      readonly warnings: readonly Warning[];
    };

export type AccountNaming = { ok: true; name: AccountName } | { ok: false; code: ResultCode };

/** The machine: its facts, its accounts, its health. */
export interface Instance {
  facts(): Promise<InstanceFacts>;
  /** The name behind a reference; whether there is such an account shows when it is reset. */
  nameOf(account: AccountRef): Promise<AccountNaming>;
  /** One at a time. Never rejects for a reason that lies in account, script or signal. Null when it was not to begin. */
  reset(request: ResetRequest): Promise<ResetOutcome | null>;
  /** Components that only the machine knows about. Cheap, and never rejects. */
  probe(): Promise<ComponentMap>;
}

/** The local policy as it stands now; null when it cannot be read or may have been changed by others than root. */
export type ReadPolicy = () => LocalPolicy | null;

/** What the running agent tells of itself, for `latchkey-agent status`. */
export interface AgentStatus {
  readonly state: 'starting' | 'connecting' | 'connected' | 'waiting' | 'stopping';
  /** When it entered that state, milliseconds since the epoch. */
  readonly since: number;
  /** Why the last session ended, if one did. */
  readonly lastLoss: string | null;
  readonly components: ComponentMap;
  readonly unacknowledgedResults: number;
}

/** Hears every change of the status; must not throw. */
export type PublishStatus = (status: AgentStatus) => void;
