import * as z from 'zod';
import { ConsoleSessionId, EpochMs, InstanceId, TokenId } from '../ids.ts';
import { AgentState } from '../health.ts';
import { PasswordPolicy } from '../passwords.ts';
import { WhoAmI } from './access.ts';
import { PageQuery, pageOf } from './common.ts';
import { Instance } from './instances.ts';

/** The header in which a page proves that it may see the answers to its own requests: `ConsoleSignIn.csrfToken`. */
export const CSRF_HEADER = 'x-latchkey-csrf';
/** Sent with any value by what a page asks by itself, so that a page that was left open does not count as used. */
export const UNATTENDED_HEADER = 'x-latchkey-unattended';

/** One sign-in of a browser. Its secret is in the cookie and nowhere else; the store keeps a hash. */
export const ConsoleSession = z.object({
  id: ConsoleSessionId,
  /** The API token that it was exchanged for: a session may do what that may, and ends with it. */
  tokenId: TokenId,
  tokenName: z.string(),
  /** When somebody signed in. */
  createdAt: EpochMs,
  /** To the minute: the last request that a person caused. */
  lastUsedAt: EpochMs,
  /** When it ends if nobody uses it until then, and at the latest. */
  idleUntil: EpochMs,
  expiresAt: EpochMs,
  /** Network address that it was opened from. */
  source: z.string(),
  /** What the browser says it is: a claim. */
  browser: z.string(),
  /** Whether it is the one that asks. */
  current: z.boolean(),
});
export type ConsoleSession = z.infer<typeof ConsoleSession>;

/** What a page needs to go on; asked for again after each reload. */
export const ConsoleSignIn = z.object({
  session: ConsoleSession,
  /** To be sent as `CSRF_HEADER` with everything that changes something. */
  csrfToken: z.string(),
  holder: WhoAmI,
});
export type ConsoleSignIn = z.infer<typeof ConsoleSignIn>;

/** Sessions that are good now, newest first. */
export const ConsoleSessionPage = pageOf(ConsoleSession);
export type ConsoleSessionPage = z.infer<typeof ConsoleSessionPage>;
export const ConsoleSessionQuery = PageQuery;

/** Which sessions are to be ended; that it must be said keeps a slip from ending them all. */
export const EndConsoleSessions = z.strictObject({ others: z.literal('true') });
/** How many sessions have ended with this request. */
export const EndedConsoleSessions = z.object({ ended: z.int() });
export type EndedConsoleSessions = z.infer<typeof EndedConsoleSessions>;

/** How many instances that need attention, and how many changes, an overview names. */
export const OVERVIEW_ROWS_MAX = 20;
/** How many days of resets it counts, today included. */
export const OVERVIEW_DAYS = 14;

/** An agent that came, went, broke or was mended. */
export const AgentChange = z.object({
  at: EpochMs,
  instanceId: InstanceId,
  /** Its name; its id when it was removed since. */
  instance: z.string(),
  from: AgentState,
  to: AgentState,
  /** Why, where there is a reason. */
  code: z.string().nullable(),
});
export type AgentChange = z.infer<typeof AgentChange>;

/** Tasks that came to an end within one day, by how they ended. */
export const DayOfResets = z.object({
  /** Midnight, UTC. */
  day: EpochMs,
  succeeded: z.int(),
  /** Failed, cancelled, superseded, expired. */
  failed: z.int(),
  /** Nobody knows which password works. */
  unknown: z.int(),
});
export type DayOfResets = z.infer<typeof DayOfResets>;

/** The state of everything that the token may see, on one page. */
export const Overview = z.object({
  /** Instances by the state of their agents. */
  agents: z.record(AgentState, z.int()),
  /** Instances by the version of their agents, most first; null for those whose agent never spoke. */
  versions: z.array(z.object({ version: z.string().nullable(), instances: z.int() })),
  /** Instances whose agents are abnormal, failed to install, or are offline: the first by name, in this order. */
  attention: z.object({ total: z.int(), items: z.array(Instance) }),
  /** Newest first. */
  changes: z.array(AgentChange),
  /** Oldest first, one for each day. */
  resets: z.array(DayOfResets),
  /** The process that answers. */
  controlPlane: z.object({
    version: z.string(),
    startedAt: EpochMs,
    /** Milliseconds; the highest since it was last asked for. */
    eventLoopDelayMsMax: z.number(),
    residentBytes: z.int(),
  }),
});
export type Overview = z.infer<typeof Overview>;

/** What can change: instances and their projects, resets and their tasks, tokens and sessions of the console. */
export const ChangeKind = z.enum(['instances', 'resets', 'tokens']);
export type ChangeKind = z.infer<typeof ChangeKind>;

/** What has changed since the last event of this kind; ask for it again. */
export const ChangeEvent = z.object({ changed: z.array(ChangeKind).min(1) });
export type ChangeEvent = z.infer<typeof ChangeEvent>;

/** So many at once, and from then on so many a second: requests, or instances of a reset. */
const RateLimitView = z.object({
  /** How many may come at once, after a while without any. */
  burst: z.int(),
  /** How many a second may come without end. */
  perSecond: z.number(),
});

/** What the configuration of a control plane says, its defaults filled in. No secret and no key is among it. */
export const Settings = z.object({
  /** Of the control plane. */
  version: z.string(),
  /** What agents dial and links use. */
  publicUrl: z.string(),
  /** HOST:PORT of the API, the gateway and the console. */
  listen: z.string(),
  /** HOST:PORT of a listener for the metrics alone; null where they are served with everything else. */
  metricsListen: z.string().nullable(),
  /** Whose `x-forwarded-for` is believed: nobody's, everybody's, or that of these networks. */
  trustProxy: z.union([z.boolean(), z.array(z.string())]),
  /** Where the database and the releases are, on the control plane's machine. */
  dataDir: z.string(),
  /** Where the keys are, there too. */
  keysDir: z.string(),
  /** Whether the script key still lies in the keys directory, where it should not stay. */
  scriptKeyPresent: z.boolean(),
  certificate: z.object({
    /** By its own authority, or provided. */
    from: z.enum(['own', 'provided']),
    /** When the one ends that new connections get. */
    endsAt: EpochMs,
    /** Whether an earlier authority is still believed. */
    rotating: z.boolean(),
  }),
  /** Of the keys that agents believe. */
  keySetVersion: z.int(),
  /** By how much the rules of each operating system are tightened. */
  passwordPolicy: PasswordPolicy,
  /** By network address: attempts to join, and wrong credentials. By token: plans and starts of resets. */
  rateLimits: z.object({
    enrolment: RateLimitView,
    failedAuthentication: RateLimitView,
    reset: RateLimitView,
    /** Sessions of the console that are opened, by token. */
    signIn: RateLimitView,
  }),
  /** Sockets of peers that have proven nothing. */
  unprovenSockets: z.object({ total: z.int(), perAddress: z.int() }),
  /** In days; null: for ever. */
  retention: z.object({ resetsDays: z.int().nullable(), auditDays: z.int().nullable() }),
  /** Of the console, in milliseconds. */
  consoleSessions: z.object({ idleMs: z.int(), ageMs: z.int() }),
  /** The least important lines that are still logged. */
  logLevel: z.string(),
});
export type Settings = z.infer<typeof Settings>;
