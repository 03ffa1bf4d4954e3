import * as z from 'zod';
import { base64UrlBytes } from './encoding.ts';
import { GENERATION_MAX } from './limits.ts';

/** In lower case only: ids are compared, bound and signed as text, so each has one. */
const id = () => z.uuid().refine((text) => text === text.toLowerCase(), 'must be in lower case');

/** A machine whose accounts are managed. UUID, given by the control plane. */
export const InstanceId = id().brand<'InstanceId'>();
export type InstanceId = z.infer<typeof InstanceId>;

/** What an operator asked for, once, over one or more instances. UUID, given by the plan of the reset. */
export const ResetId = id().brand<'ResetId'>();
export type ResetId = z.infer<typeof ResetId>;

/** A reset on one instance. UUID. */
export const TaskId = id().brand<'TaskId'>();
export type TaskId = z.infer<typeof TaskId>;

/** One authenticated connection of an agent or a plug-in. UUID. */
export const SessionId = id().brand<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;

/** One sign-in of a browser to the web console; never secret, safe in logs. UUID. */
export const ConsoleSessionId = id().brand<'ConsoleSessionId'>();
export type ConsoleSessionId = z.infer<typeof ConsoleSessionId>;

/** An API token or a join token; never secret, safe in logs. UUID. */
export const TokenId = id().brand<'TokenId'>();
export type TokenId = z.infer<typeof TokenId>;

/**
 * The name of an instance within the control plane: like a host name, unique, ignoring nothing. Never of the form of an
 * id, since requests name instances by either.
 */
export const InstanceName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits, dot, hyphen, underscore; 1 to 63')
  .refine((name) => !z.uuid().safeParse(name).success, 'must not have the form of an id')
  .brand<'InstanceName'>();
export type InstanceName = z.infer<typeof InstanceName>;

/** A group of instances that rights and the service statement are about. */
export const ProjectName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'lower-case letters, digits, hyphen; 1 to 40 characters')
  .brand<'ProjectName'>();
export type ProjectName = z.infer<typeof ProjectName>;

/** 32 random bytes, used once. */
export const Nonce = base64UrlBytes(32, 32).brand<'Nonce'>();
export type Nonce = z.infer<typeof Nonce>;

/** RFC 7638 thumbprint (SHA-256) of a public key: how every key is named. */
export const Thumbprint = base64UrlBytes(32, 32).brand<'Thumbprint'>();
export type Thumbprint = z.infer<typeof Thumbprint>;

/** A raw 32-byte Ed25519 or X25519 public key; the field's documentation says which. */
export const PublicKey = base64UrlBytes(32, 32).brand<'PublicKey'>();
export type PublicKey = z.infer<typeof PublicKey>;

export const OperatingSystem = z.enum(['linux', 'windows']);
export type OperatingSystem = z.infer<typeof OperatingSystem>;

/** What an identity connects as; it has one session a role. */
export const SessionRole = z.enum(['agent', 'plug-in']);
export type SessionRole = z.infer<typeof SessionRole>;

/** Counts the resets of one account on one instance: only rises. */
export const Generation = z.int().min(1).max(GENERATION_MAX);

/** Milliseconds since 1970-01-01T00:00:00Z. */
export const EpochMs = z.int().min(0).max(253_402_300_799_999);
/** A span in milliseconds. */
export const DurationMs = z.int().min(0);
