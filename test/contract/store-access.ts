import { expect, test } from 'vitest';

import { ProjectName, TokenId } from '#protocol';
import { allPages, expectAlienCursorsRefused } from './store-paging.ts';
import { aConsoleSession, anEntry, aToken } from './store-records.ts';
import type { ConsoleSessionFilter } from '../../control-plane/server/store/store.ts';
import type { StoreFixture } from './store-harness.ts';

const project = (text: string) => ProjectName.parse(text);
const off = { serviceEnabled: false, statementVersion: null, enabledBy: null, enabledAt: null };

export function accessPromises(fixture: () => StoreFixture): void {
  projectPromises(fixture);
  tokenPromises(fixture);
  consoleSessionPromises(fixture);
  auditPromises(fixture);
}

function projectPromises(fixture: () => StoreFixture): void {
  test('puts a project the first time and the next, and lists them by name', async () => {
    const { store } = fixture();
    const on = { name: project('b'), serviceEnabled: true, statementVersion: 2, enabledBy: 'ops', enabledAt: 5 };
    await store.transaction(async (tx) => {
      await tx.projects.put({ name: project('b'), ...off });
      await tx.projects.put({ name: project('a'), ...off });
      await tx.projects.put(on);
    });
    expect(await store.read.projects.get(project('b'))).toEqual(on);
    expect(await store.read.projects.get(project('c'))).toBeNull();
    expect(await store.read.projects.list()).toEqual([{ name: 'a', ...off }, on]);
  });
}

function tokenPromises(fixture: () => StoreFixture): void {
  test('gives tokens back as they were, newest first, in pages', async () => {
    const { store } = fixture();
    const empty = { role: null, projects: null, accounts: null, instanceId: null, usesLeft: null, expiresAt: null };
    const tokens = [1, 2, 2, 2, 3].map((createdAt) => aToken({ createdAt }));
    const bare = aToken({ ...empty, createdAt: 0, privileged: false, reEnrol: false });
    await store.transaction(async (tx) => {
      for (const token of [...tokens, bare]) await tx.tokens.insert(token);
    });
    expect(await store.read.tokens.get(bare.id)).toEqual(bare);
    const listed = await allPages((page) => store.read.tokens.list(page), 2);
    expect(listed.map(({ createdAt }) => createdAt)).toEqual([3, 2, 2, 2, 1, 0]);
    expect(new Set(listed.map(({ id }) => id))).toEqual(new Set([...tokens, bare].map(({ id }) => id)));
    await expectAlienCursorsRefused((page) => store.read.tokens.list(page));
  });

  test('knows what was made with a token, and with no other', async () => {
    const { store } = fixture();
    const [maker, other] = [aToken(), aToken()];
    const made = [1, 2].map((createdAt) =>
      aToken({ createdAt, createdBy: `token:${maker.id} ${'some name'.repeat(createdAt)}` }),
    );
    const alien = [
      `token:${other.id} x`,
      'system',
      `token:${maker.id}`,
      `x token:${maker.id} x`,
      `token:${maker.id}0 x`,
    ];
    await store.transaction(async (tx) => {
      for (const token of [maker, other, ...made.toReversed()]) await tx.tokens.insert(token);
      for (const createdBy of alien) await tx.tokens.insert(aToken({ createdBy }));
    });
    expect((await store.read.tokens.madeWith(maker.id)).map(({ id }) => id)).toEqual(made.map(({ id }) => id));
    expect(await store.read.tokens.madeWith(aToken().id)).toEqual([]);
  });

  test('revokes for good and remembers when first', async () => {
    const { store } = fixture();
    const token = aToken();
    await store.transaction(async (tx) => {
      await tx.tokens.insert(token);
      await tx.tokens.touch(token.id, 10);
      await tx.tokens.revoke(token.id, 20);
      await tx.tokens.revoke(token.id, 30);
    });
    expect(await store.read.tokens.get(token.id)).toEqual({ ...token, lastUsedAt: 10, revokedAt: 20 });
  });

  test('gives out exactly as many uses of a join token as it has, however many ask at once', async () => {
    const { store } = fixture();
    const [join, api] = [aToken({ type: 'join', usesLeft: 3 }), aToken({ usesLeft: null })];
    await store.transaction(async (tx) => {
      await tx.tokens.insert(join);
      await tx.tokens.insert(api);
    });
    const asked = Array.from({ length: 10 }, () => store.transaction((tx) => tx.tokens.takeUse(join.id)));
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(3);
    expect((await store.read.tokens.get(join.id))?.usesLeft).toBe(0);
    expect(await store.transaction((tx) => tx.tokens.takeUse(api.id))).toBe(false);
    const unknown = TokenId.parse('00000000-0000-4000-8000-000000000000');
    expect(await store.transaction((tx) => tx.tokens.takeUse(unknown))).toBe(false);
  });
}

function consoleSessionPromises(fixture: () => StoreFixture): void {
  const newSessions = async (createdAt: readonly number[]) => {
    const { store } = fixture();
    const token = aToken();
    const sessions = createdAt.map((at) => aConsoleSession(token, { createdAt: at, lastUsedAt: at }));
    await store.transaction(async (tx) => {
      await tx.tokens.insert(token);
      for (const session of sessions) await tx.consoleSessions.insert(session);
    });
    return { store, token, sessions };
  };

  test('gives sessions of the console back as they were, newest first, in pages, of one token or of all', async () => {
    const { store, token, sessions } = await newSessions([1, 2, 2, 2, 3]);
    const [oldest] = sessions;
    if (oldest === undefined) throw new Error('there is one');
    expect(await store.read.consoleSessions.get(oldest.id)).toEqual(oldest);
    const list = (filter: ConsoleSessionFilter) => allPages((page) => store.read.consoleSessions.list(filter, page), 2);
    const listed = await list({ openedAfter: 0, tokenId: token.id });
    expect(listed.map(({ createdAt }) => createdAt)).toEqual([3, 2, 2, 2, 1]);
    expect(new Set(listed.map(({ id }) => id)).size).toBe(5);
    expect(await list({ openedAfter: 1 })).toHaveLength(4);
    expect(await list({ openedAfter: 0, openedUntil: 2 })).toHaveLength(4);
    expect(await list({ openedAfter: 0, usedAfter: 2 })).toHaveLength(1);
    expect(await list({ openedAfter: 0, tokenId: aToken().id })).toEqual([]);
    await expectAlienCursorsRefused((page) => store.read.consoleSessions.list({ openedAfter: 0 }, page));
  });

  test('lists sessions of the console whose token is good at a time, if asked', async () => {
    const { store } = fixture();
    const tokens = [
      aToken({ expiresAt: null, revokedAt: null }),
      aToken({ expiresAt: 10, revokedAt: null }),
      aToken({ expiresAt: null, revokedAt: 3 }),
    ];
    const sessions = tokens.map((token) => aConsoleSession(token, { createdAt: 1, lastUsedAt: 1 }));
    await store.transaction(async (tx) => {
      for (const token of tokens) await tx.tokens.insert(token);
      for (const session of sessions) await tx.consoleSessions.insert(session);
    });
    const idsAt = async (tokenGoodAt: number) => {
      const filter = { openedAfter: 0, tokenGoodAt };
      return (await allPages((page) => store.read.consoleSessions.list(filter, page), 2))
        .map(({ id }) => id)
        .toSorted();
    };
    const [endless, expiring] = sessions.map(({ id }) => id);
    expect(await idsAt(9)).toEqual([endless, expiring].toSorted());
    expect(await idsAt(10)).toEqual([endless]);
  });

  test('ends a session of the console for good, remembers when first, and moves its last use on only', async () => {
    const { store, sessions } = await newSessions([5]);
    const id = sessions[0]?.id;
    if (id === undefined) throw new Error('there is one');
    await store.transaction(async (tx) => {
      await tx.consoleSessions.touch(id, 9);
      await tx.consoleSessions.touch(id, 7);
      await tx.consoleSessions.revoke(id, 10);
      await tx.consoleSessions.revoke(id, 20);
    });
    expect(await store.read.consoleSessions.get(id)).toMatchObject({ lastUsedAt: 9, revokedAt: 10 });
    const open = await store.read.consoleSessions.list({ openedAfter: 0 }, { limit: 10, after: null });
    expect(open.rows).toEqual([]);
  });

  test('forgets sessions of the console that were opened long ago, and says how many', async () => {
    const { store, sessions } = await newSessions([1, 2, 3]);
    expect(await store.transaction((tx) => tx.consoleSessions.deleteOpenedUntil(2))).toBe(2);
    const left = await store.read.consoleSessions.list({ openedAfter: 0 }, { limit: 10, after: null });
    expect(left.rows).toEqual([sessions[2]]);
  });
}

function auditPromises(fixture: () => StoreFixture): void {
  test('numbers audit records without gaps, also around what was rolled back', async () => {
    const { store } = fixture();
    const append = (resource: string) => store.transaction((tx) => tx.audit.append(anEntry({ resource })));
    const undone = store.transaction(async (tx) => {
      await tx.audit.append(anEntry({ resource: 'undone' }));
      throw new Error('undo');
    });
    await Promise.all([append('a'), expect(undone).rejects.toThrow('undo'), append('b')]);
    const { rows } = await store.read.audit.list({}, { limit: 10, after: null });
    expect(rows.map(({ sequence, resource }) => [sequence, resource])).toEqual([
      [2, 'b'],
      [1, 'a'],
    ]);
    expect(rows[0]).toEqual({ sequence: 2, ...anEntry({ resource: 'b' }) });
  });

  test('lists the audit newest first, filtered, in pages', async () => {
    const { store } = fixture();
    await store.transaction(async (tx) => {
      for (let n = 1; n <= 9; n += 1) {
        const odd = n % 2 === 1;
        await tx.audit.append(
          anEntry({
            at: n,
            action: odd ? 'reset.plan' : 'reset.start',
            actor: `a${n % 3}`,
            resource: `r${n}`,
            decision: null,
          }),
        );
      }
    });
    const list = async (filter: Parameters<typeof store.read.audit.list>[0]) =>
      (await allPages((page) => store.read.audit.list(filter, page), 2)).map(({ sequence }) => sequence);
    expect(await list({})).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await list({ action: 'reset.start' })).toEqual([8, 6, 4, 2]);
    expect(await list({ actor: 'a0', since: 4 })).toEqual([9, 6]);
    expect(await list({ resource: 'r5' })).toEqual([5]);
    await expectAlienCursorsRefused((page) => store.read.audit.list({}, page));
  });

  test('counts refusals in one record a code, source and minute', async () => {
    const { store } = fixture();
    const entry = anEntry({ actor: 'anonymous', action: 'instance.enrol', detail: { source: '192.0.2.1' } });
    const key = { code: 'unauthenticated', source: '192.0.2.1', minute: 5 };
    const count = (change: Partial<typeof key>) =>
      store.transaction((tx) => tx.audit.countRefusal(entry, { ...key, ...change }));
    await Promise.all([count({}), count({}), count({ minute: 6 }), count({ source: '192.0.2.2' }), count({})]);
    await store.transaction((tx) => tx.audit.append(entry));
    const { rows } = await store.read.audit.list({}, { limit: 10, after: null });
    expect(rows.map(({ sequence, detail }) => [sequence, detail['count']])).toEqual([
      [4, undefined],
      [3, 1],
      [2, 1],
      [1, 3],
    ]);
  });
}
