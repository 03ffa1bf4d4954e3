import {
  CONSOLE_SESSION_AGE_MS_MAX,
  ConsoleSessionId,
  Digest,
  fromBase64Url,
  printable,
  utf8,
  concatBytes,
  type ConsoleSession,
  type ConsoleSignIn,
  type PageQuery,
} from '#protocol';
import { actorOfToken, type Actor } from '../domain/actor.ts';
import { currentAt, endsOf, isCurrent } from '../domain/console-session.ts';
import type { ConsoleSessionRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import { createBackground } from './background.ts';
import { createEndings } from './endings.ts';
import { ApiError } from './errors.ts';
import { ANYTHING, type Gate } from './gate.ts';
import { listing, pageRequest, type Listing } from './listing.ts';
import type { Clock, Hash, Log, Random } from './ports.ts';
import { newSecret, secretMatches } from './token-secrets.ts';

/** `lastUsedAt` is written at most this often. */
const TOUCH_INTERVAL_MS = 60_000;
/** How many are ended in one transaction. */
const ENDED_AT_ONCE_MAX = 200;
/** Good at the same time by one token: as many browsers as one person has, and not what a program would make. */
const SESSIONS_PER_TOKEN_MAX = 20;
/** Keeps the derived token apart from every other use of the secret. */
const CSRF_CONTEXT = utf8('latchkey console csrf v1');

/** Who holds a cookie. */
export interface ConsoleHolder {
  readonly actor: Actor;
  /** What its page must send with everything that changes something. */
  readonly csrfToken: string;
}

/** Sign-ins of browsers: an API token exchanged for a cookie that a page cannot read. */
export interface ConsoleSessionService {
  /** Opens a session for the holder of a token. Refused to whoever came by a session: it would never end. */
  open(
    actor: Actor,
    from: { readonly source: string; readonly browser: string },
  ): Promise<{ readonly secret: string; readonly signIn: ConsoleSignIn }>;
  /** Who that is. `ended`: it was a session once; `unknown`: it never was one, or the secret is wrong. */
  authenticate(secret: string, isAttended: boolean): Promise<ConsoleHolder | 'ended' | 'unknown'>;
  /** The session by which the actor asks. */
  current(actor: Actor, csrfToken: string): Promise<ConsoleSignIn>;
  /** Of everybody for who may see tokens, of the own token for others. */
  list(actor: Actor, page: PageQuery): Promise<Listing<ConsoleSession>>;
  /** Takes effect at once; again is no error. That of another token takes the right to revoke it. */
  end(actor: Actor, id: ConsoleSessionId): Promise<void>;
  /** Ends all that the actor may end, but for the one by which the actor asks; how many that were. */
  endOthers(actor: Actor): Promise<number>;
  /** Whether it still lets its holder in: for requests that last, such as a stream of events. */
  isCurrent(id: ConsoleSessionId): Promise<boolean>;
  /** Calls back when that session is ended through this process; returns a function that forgets it. */
  onEnded(id: ConsoleSessionId, listener: () => void): () => void;
  /** Resolves once nothing is left to be written. */
  settled(): Promise<void>;
}

interface Dependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly log: Log;
  readonly gate: Gate;
}

export function createConsoleSessionService(deps: Dependencies): ConsoleSessionService {
  const { store, clock, gate } = deps;
  const endings = createEndings<ConsoleSessionId>();
  const touch = createToucher(deps);
  const find = async (id: ConsoleSessionId) => {
    const record = await store.read.consoleSessions.get(id);
    return record !== null && isCurrent(record, clock.now()) ? record : null;
  };
  return {
    open: async (actor, from) => {
      const { displaced, ...opened } = await open(deps, actor, from);
      displaced.forEach(endings.tell);
      return opened;
    },
    authenticate: async (text, isAttended) => {
      const presented = parse(text);
      const record = presented === null ? null : await store.read.consoleSessions.get(presented.id);
      if (presented === null || record === null) return 'unknown';
      if (!secretMatches(presented.secret, record.secretDigest, deps.hash)) return 'unknown';
      const now = clock.now();
      const actor = actorOfToken(await store.read.tokens.get(record.tokenId), now);
      if (actor === null || !isCurrent(record, now)) return 'ended';
      if (isAttended) touch.used(record);
      return { actor: { ...actor, consoleSession: record.id }, csrfToken: csrfTokenOf(presented.secret, deps.hash) };
    },
    current: async (actor, csrfToken) => {
      const record = actor.consoleSession === undefined ? null : await find(actor.consoleSession);
      if (record === null) throw new ApiError('console-session-not-found');
      return { session: viewOf(record, actor.name, actor), csrfToken, holder: holderOf(actor) };
    },
    list: (actor, query) => list(deps, actor, query),
    end: async (actor, id) => {
      await gate.change((tx) => endOne(deps, tx, actor, id));
      endings.tell(id);
    },
    endOthers: (actor) => endOthers(deps, actor, endings.tell),
    isCurrent: async (id) => {
      const record = await find(id);
      return record !== null && actorOfToken(await store.read.tokens.get(record.tokenId), clock.now()) !== null;
    },
    onEnded: endings.on,
    settled: touch.settled,
  };
}

async function open(
  { clock, random, hash, gate }: Dependencies,
  actor: Actor,
  { source, browser }: { readonly source: string; readonly browser: string },
): Promise<{ secret: string; signIn: ConsoleSignIn; displaced: readonly ConsoleSessionId[] }> {
  const id = ConsoleSessionId.parse(random.uuid());
  const subject = `console-session:${id}`;
  const { secret, digest } = newSecret(random, hash);
  const now = clock.now();
  const times = { createdAt: now, lastUsedAt: now, revokedAt: null };
  const record = { id, tokenId: actor.tokenId, secretDigest: digest, ...times, source, browser: printable(browser) };
  const displaced = await gate.change(async (tx) => {
    const rule = gate.decide(actor, 'console-session.open', ANYTHING, { subject });
    if (actor.consoleSession !== undefined) {
      throw gate.denial(actor, 'console-session.open', subject, 'no-escalation', 'not-authorised');
    }
    // Those that ended by themselves are of no use to anybody any more.
    await tx.consoleSessions.deleteOpenedUntil(now - CONSOLE_SESSION_AGE_MS_MAX);
    await tx.consoleSessions.insert(record);
    await tx.audit.append(gate.allowed(actor, 'console-session.open', subject, rule, { source }));
    return endOldest(tx, actor, now);
  });
  const holder = { ...actor, consoleSession: id };
  const session = viewOf(record, actor.name, holder);
  return {
    secret: `${id}_${secret}`,
    signIn: { session, csrfToken: csrfTokenOf(secret, hash), holder: holderOf(actor) },
    displaced,
  };
}

/** Makes room for the newest session of a token. They are few: each that opens ends at most one. */
async function endOldest(tx: Repositories, { tokenId }: Actor, now: number): Promise<readonly ConsoleSessionId[]> {
  const limit = SESSIONS_PER_TOKEN_MAX + ENDED_AT_ONCE_MAX;
  const { rows } = await tx.consoleSessions.list({ ...goodAt(now), tokenId }, { limit, after: null });
  const oldest = rows.slice(SESSIONS_PER_TOKEN_MAX).map(({ id }) => id);
  for (const id of oldest) await tx.consoleSessions.revoke(id, now);
  return oldest;
}

async function list(
  { store, clock, gate }: Dependencies,
  actor: Actor,
  query: PageQuery,
): Promise<Listing<ConsoleSession>> {
  const now = clock.now();
  const mayAll = gate.may(actor, 'token.read', ANYTHING);
  const filter = { ...goodAt(now), ...(mayAll ? {} : { tokenId: actor.tokenId }) };
  const page = await store.read.consoleSessions.list(filter, pageRequest(query));
  const names = new Map<string, string>();
  for (const { tokenId } of page.rows) {
    if (!names.has(tokenId)) names.set(tokenId, (await store.read.tokens.get(tokenId))?.name ?? '');
  }
  return listing(page, (record) => viewOf(record, names.get(record.tokenId) ?? '', actor));
}

function goodAt(now: number) {
  return { ...currentAt(now), tokenGoodAt: now };
}

/** Revokes and records it; again is no error. */
async function endOne(
  { clock, gate }: Dependencies,
  tx: Repositories,
  actor: Actor,
  id: ConsoleSessionId,
): Promise<void> {
  const subject = `console-session:${id}`;
  const record = await tx.consoleSessions.get(id);
  if (record === null) throw new ApiError('console-session-not-found');
  const action = record.tokenId === actor.tokenId ? 'console-session.end' : 'token.revoke';
  const rule = gate.decide(actor, action, ANYTHING, { subject });
  if (record.revokedAt !== null) return;
  await tx.consoleSessions.revoke(id, clock.now());
  await tx.audit.append(gate.allowed(actor, 'console-session.end', subject, rule, { token: record.tokenId }));
}

async function endOthers(deps: Dependencies, actor: Actor, tell: (id: ConsoleSessionId) => void): Promise<number> {
  const { clock, gate } = deps;
  const mayAll = gate.may(actor, 'token.revoke', ANYTHING);
  const filter = { ...goodAt(clock.now()), ...(mayAll ? {} : { tokenId: actor.tokenId }) };
  let ended = 0;
  // Newest first, so that it comes to an end however many sign in meanwhile; in parts, so that others get their turn.
  for (let after: string | null = null; ;) {
    const part = await gate.change(async (tx) => {
      const { rows, next } = await tx.consoleSessions.list(filter, { limit: ENDED_AT_ONCE_MAX, after });
      const others = rows.map(({ id }) => id).filter((id) => id !== actor.consoleSession);
      for (const id of others) await endOne(deps, tx, actor, id);
      return { others, next };
    });
    part.others.forEach(tell);
    ended += part.others.length;
    if (part.next === null) return ended;
    after = part.next;
  }
}

function viewOf(record: ConsoleSessionRecord, tokenName: string, asker: Actor): ConsoleSession {
  const { id, tokenId, createdAt, lastUsedAt, source, browser } = record;
  return {
    ...{ id, tokenId, tokenName: printable(tokenName), createdAt, lastUsedAt, ...endsOf(record), source },
    browser: printable(browser),
    current: asker.consoleSession === id,
  };
}

function holderOf({ tokenId, name, role, projects, accounts, privileged }: Actor): ConsoleSignIn['holder'] {
  return {
    ...{ tokenId, name, role, privileged },
    projects: projects === null ? null : [...projects],
    accounts: accounts === null ? null : [...accounts],
  };
}

const COOKIE = /^([0-9a-f-]{36})_([A-Za-z0-9_-]{43})$/;

function parse(text: string): { readonly id: ConsoleSessionId; readonly secret: string } | null {
  const match = COOKIE.exec(text);
  const id = ConsoleSessionId.safeParse(match?.[1]);
  const secret = Digest.safeParse(match?.[2]);
  return id.success && secret.success ? { id: id.data, secret: secret.data } : null;
}

/** Made from the secret, so that neither the store nor another page knows it, and no second secret is kept. */
function csrfTokenOf(secret: string, hash: Hash): string {
  return hash(concatBytes(CSRF_CONTEXT, fromBase64Url(secret)));
}

function createToucher({ store, clock, log }: Dependencies) {
  const background = createBackground(log);
  const touching = new Set<ConsoleSessionId>();
  return {
    used({ id, lastUsedAt }: ConsoleSessionRecord): void {
      const now = clock.now();
      if (now - lastUsedAt < TOUCH_INTERVAL_MS || touching.has(id)) return;
      touching.add(id);
      background.run('noting the use of a console session', async () => {
        try {
          await store.transaction((tx) => tx.consoleSessions.touch(id, now));
        } finally {
          touching.delete(id);
        }
      });
    },
    settled: () => background.settled(),
  };
}
