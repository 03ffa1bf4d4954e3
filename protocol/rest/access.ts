import * as z from 'zod';
import { AccountRef } from '../accounts.ts';
import { Digest, base64UrlBytes } from '../encoding.ts';
import {
  EpochMs,
  InstanceId,
  InstanceName,
  OperatingSystem,
  ProjectName,
  PublicKey,
  Thumbprint,
  TokenId,
} from '../ids.ts';
import {
  API_TOKEN_LIFETIME_MS_MAX,
  JOIN_TOKEN_LIFETIME_MS_MAX,
  JOIN_TOKEN_USES_MAX,
  TOKEN_LIFETIME_MS_MIN,
} from '../limits.ts';
import { Signed } from '../signing.ts';
import { Claim, plainText } from '../text.ts';
import { PageQuery, pageOf } from './common.ts';

/** What the holder of an API token may do; the rules stand in the control plane's domain. */
export const ActorRole = z.enum(['administrator', 'operator', 'viewer']);
export type ActorRole = z.infer<typeof ActorRole>;

export const CreateApiToken = z.strictObject({
  type: z.literal('api'),
  name: plainText(63).min(1),
  role: ActorRole,
  /** Which projects it is good for; null means all. */
  projects: z.array(ProjectName).min(1).max(100).nullable().default(null),
  /** Which accounts it may reset; null means all. */
  accounts: z.array(AccountRef).min(1).max(100).nullable().default(null),
  /** Whether it may reset privileged accounts (uid 0, administrators). */
  privileged: z.boolean().default(false),
  /** Until it expires, in milliseconds; null means never. */
  ttlMs: z.int().min(TOKEN_LIFETIME_MS_MIN).max(API_TOKEN_LIFETIME_MS_MAX).nullable().default(null),
});

export const CreateJoinToken = z.strictObject({
  type: z.literal('join'),
  project: ProjectName.default(ProjectName.parse('default')),
  /** Bound to this instance, which exists already. */
  instance: InstanceName.nullable().default(null),
  /** Allow the bound instance to replace the identity that it has. */
  reEnrol: z.boolean().default(false),
  /** How many instances may join with it; one where it is bound to an instance. */
  uses: z.int().min(1).max(JOIN_TOKEN_USES_MAX).default(1),
  /** Until it expires, in milliseconds. */
  ttlMs: z.int().min(TOKEN_LIFETIME_MS_MIN).max(JOIN_TOKEN_LIFETIME_MS_MAX).default(3_600_000),
});

export const CreateToken = z.discriminatedUnion('type', [CreateApiToken, CreateJoinToken]);
export type CreateToken = z.input<typeof CreateToken>;

/** The secret is in this answer and nowhere else, ever: the store keeps a hash. */
export const CreatedToken = z.object({ id: TokenId, token: z.string(), expiresAt: EpochMs.nullable() });
export type CreatedToken = z.infer<typeof CreatedToken>;

export const Token = z.object({
  id: TokenId,
  type: z.enum(['api', 'join']),
  name: z.string(),
  /** Null for a join token, which may do nothing but join. */
  role: ActorRole.nullable(),
  /** Which projects it is good for; null means all. Of a join token: the one in which instances join. */
  projects: z.array(ProjectName).nullable(),
  /** Which accounts it may reset; null means all. */
  accounts: z.array(z.string()).nullable(),
  /** Whether it may reset privileged accounts (uid 0, administrators). */
  privileged: z.boolean(),
  /** How many instances may still join with it; null for an API token. */
  usesLeft: z.int().nullable(),
  createdAt: EpochMs,
  /** As the audit names an actor. */
  createdBy: z.string(),
  /** Null means never. */
  expiresAt: EpochMs.nullable(),
  /** Null while it is good. */
  revokedAt: EpochMs.nullable(),
  /** To the minute; null until it was used. */
  lastUsedAt: EpochMs.nullable(),
});
export type Token = z.infer<typeof Token>;
export const TokenPage = pageOf(Token);

/** `descendants=true`: with it, every token that was made with it, or with one of those, and so on. */
export const RevokeTokenQuery = z.strictObject({ descendants: z.enum(['true', 'false']).default('false') });

/** The tokens that became worthless with this request; those that were so before are not among them. */
export const RevokedTokens = z.object({ revoked: z.array(TokenId) });
export type RevokedTokens = z.infer<typeof RevokedTokens>;

/** The holder of the token that asks, and what it may do. */
export const WhoAmI = z.object({
  tokenId: TokenId,
  name: z.string(),
  role: ActorRole,
  /** Which projects it is good for; null means all. */
  projects: z.array(ProjectName).nullable(),
  /** Which accounts it may reset; null means all. */
  accounts: z.array(z.string()).nullable(),
  /** Whether it may reset privileged accounts (uid 0, administrators). */
  privileged: z.boolean(),
});
export type WhoAmI = z.infer<typeof WhoAmI>;

/**
 * A join token as text: `lkj_<id>_<secret>_<pin>_<script key>_<version>`. `pin` is the SHA-256 of the CA's public key (SPKI), or
 * `system` where the certificate is a public one; `script key` names the first key set's signer, and
 * `version` the key set that was current when the token was made; tokens from before it do without. All base64url but the
 * id and the version, and base64url holds underscores, so the parts have fixed lengths.
 */
const JOIN_TOKEN =
  /^lkj_([0-9a-f-]{36})_([A-Za-z0-9_-]{43})_(system|[A-Za-z0-9_-]{43})_([A-Za-z0-9_-]{43})(?:_([1-9]\d{0,14}))?$/;

/** 32 random bytes. */
const JoinSecret = base64UrlBytes(32, 32);

export interface JoinToken {
  readonly id: TokenId;
  /** 32 random bytes. */
  readonly secret: string;
  /** SHA-256 of the CA's SubjectPublicKeyInfo, or null where public certificate authorities are trusted. */
  readonly caPin: string | null;
  readonly scriptKey: Thumbprint;
  /** The lowest version of the key set that may be believed at the enrolment. */
  readonly keySetVersionMin?: number;
}

export function formatJoinToken(token: JoinToken): string {
  const version = token.keySetVersionMin === undefined ? '' : `_${String(token.keySetVersionMin)}`;
  return `lkj_${token.id}_${token.secret}_${token.caPin ?? 'system'}_${token.scriptKey}${version}`;
}

/** Null for text that is not a join token. */
export function parseJoinToken(text: string): JoinToken | null {
  const match = JOIN_TOKEN.exec(text.trim());
  const id = TokenId.safeParse(match?.[1]);
  const scriptKey = Thumbprint.safeParse(match?.[4]);
  const secret = JoinSecret.safeParse(match?.[2]);
  const pin = z.union([z.literal('system'), Digest]).safeParse(match?.[3]);
  if (!id.success || !secret.success || !pin.success || !scriptKey.success) return null;
  const caPin = pin.data === 'system' ? null : pin.data;
  const version = match?.[5];
  const token = { id: id.data, secret: secret.data, caPin, scriptKey: scriptKey.data };
  return version === undefined ? token : { ...token, keySetVersionMin: Number(version) };
}

/** What an identity asks for when it joins; signed by itself (`enrolment`), which proves that it holds the key. */
export const EnrolmentRequest = z.strictObject({
  v: z.literal(1),
  tokenId: TokenId,
  /** Ed25519. */
  publicKey: PublicKey,
  os: OperatingSystem,
  /** A wish; a token bound to an instance decides otherwise. Default: the host name, made to fit. */
  name: InstanceName,
  hostname: Claim,
  agentVersion: Claim,
});
export type EnrolmentRequest = z.infer<typeof EnrolmentRequest>;

/** The body of an enrolment: the join token is the credential, the signature proves the identity. */
export const Enrol = z.strictObject({
  tokenId: TokenId,
  secret: JoinSecret,
  /** Ed25519: what `request` is signed by, and what it names. */
  publicKey: PublicKey,
  /** An `EnrolmentRequest`. */
  request: Signed,
});
export type Enrol = z.infer<typeof Enrol>;

/** What the control plane made of it: who the agent is from now on, and whom it believes. */
export const Enrolled = z.object({
  instanceId: InstanceId,
  name: InstanceName,
  project: ProjectName,
  /** The current `KeySet`, to be judged by the script key that the join token names. */
  keySet: Signed,
});
export type Enrolled = z.infer<typeof Enrolled>;

/** The CA of the control plane, to be compared with a pin before it is believed. */
export const CertificateAuthority = z.object({ pem: z.string() });

export const AuditRecord = z.object({
  /** Rises; no gaps within one store. */
  sequence: z.int(),
  at: EpochMs,
  /** Who: `token:<id> <name>`, `instance:<id>`, `system`, `anonymous`. */
  actor: z.string(),
  /** What: one of `AUDIT_ACTIONS`, a public route by method and path, or an action of another version. */
  action: z.string(),
  /** On what: `instance:<id>`, `reset:<id>`, … */
  resource: z.string(),
  /** `allow`, `deny`, or null where nothing was decided. */
  decision: z.enum(['allow', 'deny']).nullable(),
  /** The rule that decided. */
  rule: z.string().nullable(),
  /** Why it was refused or what it is about, where there is a code: of the one table, or of a WebSocket's close. */
  code: z.string().nullable(),
  /** Facts of the event; never a secret. */
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type AuditRecord = z.infer<typeof AuditRecord>;
export const AuditPage = pageOf(AuditRecord);

export const AuditQuery = PageQuery.extend({
  action: z.string().max(100).optional(),
  resource: z.string().max(200).optional(),
  actor: z.string().max(200).optional(),
  since: z.coerce.number().int().optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;
