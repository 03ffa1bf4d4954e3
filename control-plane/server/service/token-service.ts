import { printable, type CreatedToken, type CreateToken, type PageQuery, type Token, type TokenId } from '#protocol';
import type * as z from 'zod';
import { actorOfToken, type Actor } from '../domain/actor.ts';
import type { TokenRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import { newAdministratorToken } from './administrator-token.ts';
import { createBackground } from './background.ts';
import { createEndings } from './endings.ts';
import { ApiError } from './errors.ts';
import { ANYTHING } from './gate.ts';
import { listing, pageRequest, type Listing } from './listing.ts';
import type { Log } from './ports.ts';
import { createApiToken, createJoinToken, type TokenCreation } from './token-creation.ts';
import { parseApiToken, secretMatches } from './token-secrets.ts';

/** `lastUsedAt` is written at most this often, so that using a token does not cost a write each time. */
const TOUCH_INTERVAL_MS = 60_000;

export interface TokenService {
  /** Who holds this API token; null for anything that is none, is revoked or has expired. */
  authenticate(bearer: string): Promise<Actor | null>;
  /** Whether the token still lets its holder in: for requests that last, such as a stream of events. */
  isCurrent(id: TokenId): Promise<boolean>;
  /** Calls back when that token is revoked through this process; returns a function that forgets it. */
  onRevoked(id: TokenId, listener: () => void): () => void;
  /** The text of the token is in the answer and nowhere else. */
  create(actor: Actor, request: z.output<typeof CreateToken>): Promise<CreatedToken>;
  list(actor: Actor, page: PageQuery): Promise<Listing<Token>>;
  /**
   * Takes effect at once; again is no error. With descendants, also every token that was made with it, or with one of
   * those: also where it, or one between, was revoked before. Resolves to those that were good until now.
   */
  revoke(actor: Actor, id: TokenId, options?: { readonly descendants: boolean }): Promise<readonly TokenId[]>;
  /**
   * Creates the first administrator's token unless there is a token already; true when it did. `deliver` puts the text
   * where its owner finds it, and is done before the token is good for anything: what fails in between leaves a file
   * with a dead token, to be overwritten at the next start, never a token that nobody knows.
   */
  firstAdministrator(deliver: (token: string) => Promise<void>): Promise<boolean>;
  /** Resolves once nothing is left to be written. */
  settled(): Promise<void>;
}

interface Dependencies extends TokenCreation {
  readonly store: Store;
  readonly log: Log;
}

export function createTokenService(deps: Dependencies): TokenService {
  const revocations = createEndings<TokenId>();
  const touch = createToucher(deps);
  const { store, clock, gate } = deps;
  return {
    authenticate: async (bearer) => {
      const token = parseApiToken(bearer);
      const record = token === null ? null : await store.read.tokens.get(token.id);
      const actor = actorOfToken(record, clock.now());
      if (token === null || record === null || actor === null) return null;
      if (!secretMatches(token.secret, record.secretDigest, deps.hash)) return null;
      touch.used(record);
      return actor;
    },
    isCurrent: async (id) => actorOfToken(await store.read.tokens.get(id), clock.now()) !== null,
    onRevoked: revocations.on,
    create: (actor, request) =>
      request.type === 'api' ? createApiToken(deps, actor, request) : createJoinToken(deps, actor, request),
    list: (actor, query) =>
      gate.guard(async () => {
        gate.decide(actor, 'token.read', ANYTHING, { subject: 'tokens' });
        return listing(await store.read.tokens.list(pageRequest(query)), viewOf);
      }),
    revoke: async (actor, id, { descendants } = { descendants: false }) => {
      const revoked = await gate.change((tx) => revokeToken(deps, tx, actor, { id, descendants }));
      for (const each of revoked) revocations.tell(each);
      return revoked;
    },
    firstAdministrator: (deliver) => firstAdministrator(deps, deliver),
    settled: touch.settled,
  };
}

async function revokeToken(
  { gate, clock }: Dependencies,
  tx: Repositories,
  actor: Actor,
  { id, descendants }: { readonly id: TokenId; readonly descendants: boolean },
): Promise<TokenId[]> {
  const rule = gate.decide(actor, 'token.revoke', ANYTHING, { subject: `token:${id}` });
  const record = await tx.tokens.get(id);
  if (record === null) throw new ApiError('token-not-found');
  const line = [record, ...(descendants ? await descendantsOf(tx, id) : [])];
  const good = line.filter(({ revokedAt }) => revokedAt === null);
  for (const token of good) {
    await tx.tokens.revoke(token.id, clock.now());
    const origin = token.id === id ? {} : { descendantOf: id };
    const detail = { type: token.type, name: token.name, ...origin };
    await tx.audit.append(gate.allowed(actor, 'token.revoke', `token:${token.id}`, rule, detail));
  }
  return good.map((token) => token.id);
}

/** Whatever was made with a token, and with what was made with it. Each once: a token is made by one that was there. */
async function descendantsOf(tx: Repositories, id: TokenId): Promise<TokenRecord[]> {
  const found: TokenRecord[] = [];
  const makers = [id];
  for (let maker = makers.pop(); maker !== undefined; maker = makers.pop()) {
    const made = await tx.tokens.madeWith(maker);
    found.push(...made);
    // With a join token nothing can be made.
    makers.push(...made.filter(({ type }) => type === 'api').map((token) => token.id));
  }
  return found;
}

async function firstAdministrator(deps: Dependencies, deliver: (token: string) => Promise<void>): Promise<boolean> {
  const isEmpty = async (from: Repositories): Promise<boolean> => {
    const page = await from.tokens.list({ limit: 1, after: null });
    return page.rows.length === 0;
  };
  if (!(await isEmpty(deps.store.read))) return false;
  const made = newAdministratorToken(deps, { name: 'first administrator', rule: 'first-start' });
  await deliver(made.text);
  return deps.store.transaction(async (tx) => {
    if (!(await isEmpty(tx))) return false;
    await made.insert(tx);
    return true;
  });
}

function viewOf(record: TokenRecord): Token {
  return {
    id: record.id,
    type: record.type,
    name: printable(record.name),
    role: record.role,
    projects: record.projects === null ? null : [...record.projects],
    accounts: record.accounts === null ? null : [...record.accounts],
    privileged: record.privileged,
    usesLeft: record.usesLeft,
    createdAt: record.createdAt,
    createdBy: printable(record.createdBy),
    expiresAt: record.expiresAt,
    revokedAt: record.revokedAt,
    lastUsedAt: record.lastUsedAt,
  };
}

function createToucher({ store, clock, log }: Dependencies) {
  const background = createBackground(log);
  const touching = new Set<TokenId>();
  return {
    used(record: TokenRecord): void {
      const now = clock.now();
      const recent = record.lastUsedAt !== null && now - record.lastUsedAt < TOUCH_INTERVAL_MS;
      if (recent || touching.has(record.id)) return;
      touching.add(record.id);
      background.run('noting the use of a token', async () => {
        try {
          await store.transaction((tx) => tx.tokens.touch(record.id, now));
        } finally {
          touching.delete(record.id);
        }
      });
    },
    settled: () => background.settled(),
  };
}
