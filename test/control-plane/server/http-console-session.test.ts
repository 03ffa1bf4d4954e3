import {
  API_PREFIX,
  CONSOLE_SESSION_AGE_MS_MAX,
  CONSOLE_SESSION_IDLE_MS_MAX,
  ConsoleSessionPage,
  ConsoleSignIn,
  CSRF_HEADER,
  UNATTENDED_HEADER,
} from '#protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aConsoleSession, aToken } from '../../contract/store-records.ts';
import { browserIn, OWN_SESSION as OWN, type SignedInBrowser } from '../../support/console-browser.ts';
import { expectError, HttpWorld, PUBLIC_ORIGIN, randomSecret } from '../../support/http-world.ts';

const ALL = `${API_PREFIX}/console/sessions`;
const MINUTE_MS = 60_000;

let world: HttpWorld;
beforeEach(async () => {
  world = await HttpWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const browserOf = (token?: string) => browserIn(world, token);

const ADD = { name: 'web-1', os: 'linux' };
const add = (browser: SignedInBrowser, headers: Record<string, string> = {}) =>
  browser.call('POST', `${API_PREFIX}/instances`, headers, ADD);

describe('signing in', () => {
  test('exchanges a token for a cookie that no page and no other host can read', async () => {
    const reply = await world.call('POST', OWN);
    expect(String(reply.headers['set-cookie'])).toMatch(
      /^__Host-latchkey=[0-9a-f-]{36}_[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    expect(reply.headers['cache-control']).toBe('no-store');
    const { session, holder } = ConsoleSignIn.parse(reply.json());
    expect(holder).toMatchObject({ name: 'first administrator', role: 'administrator' });
    expect(session).toMatchObject({ current: true, source: '127.0.0.1' });
    expect(reply.body).not.toContain(/_([A-Za-z0-9_-]{43});/.exec(String(reply.headers['set-cookie']))?.[1]);
  });

  test('the store holds no secret of it', async () => {
    const { cookie, signIn } = await browserOf();
    const rows = await world.store.read.consoleSessions.list({ openedAfter: 0 }, { limit: 10, after: null });
    const text = JSON.stringify(rows);
    expect(rows.rows).toHaveLength(1);
    expect(text).not.toContain(cookie.slice(-43));
    expect(text).not.toContain(signIn.csrfToken);
  });

  test('gives another session each time, so that none can be foisted on somebody', async () => {
    const [one, two] = [await browserOf(), await browserOf()];
    expect(one.signIn.session.id).not.toBe(two.signIn.session.id);
    expect(one.cookie).not.toBe(two.cookie);
    const both = await one.call('GET', OWN, { cookie: `${one.cookie}; ${two.cookie}` });
    expectError(both, 401, 'unauthenticated');
  });

  test('over a cookie that somebody has planted starts another session, and the planted one stays what it was', async () => {
    const planter = await browserOf(await world.tokenOf('viewer'));
    const unknown = `__Host-latchkey=${planter.signIn.session.id}_${randomSecret()}`;
    for (const cookie of [planter.cookie, unknown]) {
      const reply = await world.call('POST', OWN, { headers: { cookie, origin: PUBLIC_ORIGIN } });
      expect(reply.statusCode, reply.body).toBe(201);
      const own = String(reply.headers['set-cookie']).split(';')[0] ?? '';
      expect([planter.cookie, unknown]).not.toContain(own);
      expect(ConsoleSignIn.parse(reply.json()).session.id).not.toBe(planter.signIn.session.id);
    }
    expect((await planter.call('GET', OWN)).json()).toMatchObject({ holder: { role: 'viewer' } });
    expectError(await world.call('GET', OWN, { token: null, headers: { cookie: unknown } }), 401, 'unauthenticated');
  });

  test('takes a token: a session makes no other, or it would never end', async () => {
    const browser = await browserOf();
    expectError(await browser.call('POST', OWN), 403, 'not-authorised');
    expect(await world.auditOf('console-session.open')).toMatchObject([
      { decision: 'deny', rule: 'no-escalation', code: 'not-authorised' },
      { decision: 'allow', rule: 'role-administrator', resource: `console-session:${browser.signIn.session.id}` },
    ]);
    expect(await world.auditOf('console-session.end')).toEqual([]);
  });

  test('by guessing is limited', async () => {
    const codes: unknown[] = [];
    for (let i = 0; i < 25; i += 1) {
      const reply = await world.call('POST', OWN, { token: `lk_${randomSecret()}`, from: '192.0.2.7' });
      codes.push(reply.json<{ code: string }>().code);
    }
    expect(codes.at(0)).toBe('unauthenticated');
    expect(codes.at(-1)).toBe('rate-limited');
  });

  test('and so is guessing at cookies, but not the use of one that has ended', async () => {
    const { call } = await browserOf();
    const guess = () =>
      world.call('GET', OWN, {
        token: null,
        headers: { cookie: `__Host-latchkey=00000000-0000-4000-8000-000000000000_${randomSecret()}` },
      });
    world.clock.advance(CONSOLE_SESSION_IDLE_MS_MAX);
    for (let i = 0; i < 40; i += 1) expectError(await call('GET', OWN), 401, 'unauthenticated');
    let last = await guess();
    for (let i = 0; i < 30; i += 1) last = await guess();
    expectError(last, 429, 'rate-limited');
  });
});

describe('a session', () => {
  test('is asked for after a reload, and gives its page the same token again', async () => {
    const { call, signIn } = await browserOf();
    const again = ConsoleSignIn.parse((await call('GET', OWN)).json());
    expect(again).toEqual(signIn);
    expectError(await world.call('GET', OWN), 404, 'console-session-not-found');
  });

  test('may do what its token may, and no more', async () => {
    const viewer = await browserOf(await world.tokenOf('viewer'));
    expect((await viewer.call('GET', `${API_PREFIX}/instances`)).statusCode).toBe(200);
    expectError(await add(viewer), 403, 'not-authorised');
    expect((await add(await browserOf())).statusCode).toBe(201);
  });

  test('ends when nobody has used it, and what the page asks by itself is no use of it', async () => {
    const { call } = await browserOf();
    for (let minutes = 0; minutes < 40; minutes += 10) {
      world.clock.advance(10 * MINUTE_MS);
      expect((await call('GET', OWN)).statusCode).toBe(200);
      await world.services.settled();
    }
    world.clock.advance(20 * MINUTE_MS);
    expect((await call('GET', OWN, { [UNATTENDED_HEADER]: '1' })).statusCode).toBe(200);
    await world.services.settled();
    world.clock.advance(10 * MINUTE_MS);
    expectError(await call('GET', OWN), 401, 'unauthenticated');
  });

  test('ends at its age, however much it is used', async () => {
    const { call } = await browserOf();
    const step = 20 * MINUTE_MS;
    for (let age = step; age < CONSOLE_SESSION_AGE_MS_MAX; age += step) {
      world.clock.advance(step);
      expect((await call('GET', OWN)).statusCode).toBe(200);
      await world.services.settled();
    }
    world.clock.advance(step);
    expectError(await call('GET', OWN), 401, 'unauthenticated');
  });

  test('ends with its token', async () => {
    const { id, token } = await world.createToken({ type: 'api', name: 'anna', role: 'operator' });
    const browser = await browserOf(token);
    expect((await browser.call('GET', OWN)).statusCode).toBe(200);
    await world.call('DELETE', `${API_PREFIX}/tokens/${id}`);
    expectError(await browser.call('GET', OWN), 401, 'unauthenticated');
  });

  test('ends when its holder signs out, and the cookie is taken away', async () => {
    const { call } = await browserOf();
    const reply = await call('DELETE', OWN);
    expect(reply.statusCode).toBe(204);
    expect(String(reply.headers['set-cookie'])).toContain('Max-Age=0');
    expectError(await call('GET', OWN), 401, 'unauthenticated');
  });
});

describe('a request in the name of a session', () => {
  test.each([
    ['without the token of its page', { [CSRF_HEADER]: '' }, 'csrf-token-invalid'],
    ['with that of another session', { [CSRF_HEADER]: randomSecret() }, 'csrf-token-invalid'],
    ['from a page of another site', { origin: 'https://evil.example' }, 'origin-refused'],
    ['from a page without an origin', { origin: 'null' }, 'origin-refused'],
    ['that does not say where it comes from', { origin: '' }, 'origin-refused'],
    ['that the browser says is cross-site', { 'sec-fetch-site': 'cross-site' }, 'origin-refused'],
  ])('%s is refused, changes nothing, and is counted', async (_, headers, code) => {
    const browser = await browserOf();
    expectError(await add(browser, headers), 403, code);
    expect((await world.call('GET', `${API_PREFIX}/instances/web-1`)).statusCode).toBe(404);
    expect(await world.auditOf('authenticate')).toMatchObject([{ code, decision: 'deny' }]);
  });

  test('of another session with its own token is that session’s', async () => {
    const [one, two] = [await browserOf(), await browserOf()];
    expectError(await add(one, { [CSRF_HEADER]: two.signIn.csrfToken }), 403, 'csrf-token-invalid');
  });

  test('from another site cannot even read', async () => {
    const browser = await browserOf();
    const reply = await browser.call('GET', `${API_PREFIX}/instances`, { 'sec-fetch-site': 'cross-site', origin: '' });
    expectError(reply, 403, 'origin-refused');
  });

  test('that also brings a token is the token’s', async () => {
    const { cookie } = await browserOf();
    const token = await world.tokenOf('viewer');
    const reply = await world.call('GET', `${API_PREFIX}/whoami`, { token, headers: { cookie } });
    expect(reply.json()).toMatchObject({ role: 'viewer' });
  });
});

describe('sessions are listed and ended', () => {
  test('all by who may see tokens, the own ones by others', async () => {
    const admin = await browserOf();
    const token = await world.tokenOf('operator');
    const [one, two] = [await browserOf(token), await browserOf(token)];
    const idsFor = async (browser: SignedInBrowser) => {
      const { items } = (await browser.call('GET', ALL)).json<{ items: { id: string; current: boolean }[] }>();
      return items.map(({ id, current }) => `${id} ${String(current)}`).toSorted();
    };
    const row = (browser: SignedInBrowser, asker: SignedInBrowser) =>
      `${browser.signIn.session.id} ${String(browser === asker)}`;
    expect(await idsFor(one)).toEqual([row(one, one), row(two, one)].toSorted());
    expect(await idsFor(admin)).toEqual([row(one, admin), row(two, admin), row(admin, admin)].toSorted());
  });

  test('one that has ended is not listed', async () => {
    const [one, two] = [await browserOf(), await browserOf()];
    expect((await one.call('DELETE', `${ALL}/${two.signIn.session.id}`)).statusCode).toBe(204);
    expectError(await two.call('GET', OWN), 401, 'unauthenticated');
    expect((await one.call('GET', ALL)).json<{ items: unknown[] }>().items).toHaveLength(1);
    expect((await one.call('DELETE', `${ALL}/${two.signIn.session.id}`)).statusCode).toBe(204);
    expect(await world.auditOf('console-session.end')).toHaveLength(1);
  });

  test('a page of them is full of those that are good: neither idle, nor of a token that has ended', async () => {
    const gone = await world.createToken({ type: 'api', name: 'gone', role: 'viewer' });
    const idle = [await browserOf(), await browserOf()];
    world.clock.advance(CONSOLE_SESSION_IDLE_MS_MAX);
    const kept = [await browserOf(), await browserOf()];
    await browserOf(gone.token);
    await world.call('DELETE', `${API_PREFIX}/tokens/${gone.id}`);
    world.clock.advance(MINUTE_MS);
    const admin = await browserOf();
    const listed: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const reply = await admin.call('GET', `${ALL}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const page: ConsoleSessionPage = ConsoleSessionPage.parse(reply.json());
      expect(page.items).toHaveLength(page.nextCursor === null ? 1 : 2);
      listed.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(listed.toSorted()).toEqual([...kept, admin].map(({ signIn }) => signIn.session.id).toSorted());
    for (const { signIn } of idle) expect(listed).not.toContain(signIn.session.id);
  });

  test('all others end at once: of the own token, or of all for who may revoke tokens', async () => {
    const token = await world.tokenOf('operator');
    const [admin, one, two] = [await browserOf(), await browserOf(token), await browserOf(token)];
    const isGood = async (browser: SignedInBrowser) => (await browser.call('GET', OWN)).statusCode === 200;
    expect((await one.call('DELETE', `${ALL}?others=true`)).json()).toEqual({ ended: 1 });
    expect(await Promise.all([one, two, admin].map(isGood))).toEqual([true, false, true]);
    expect((await admin.call('DELETE', `${ALL}?others=true`)).json()).toEqual({ ended: 1 });
    expect(await Promise.all([one, two, admin].map(isGood))).toEqual([false, false, true]);
    const ended = (await world.auditOf('console-session.end')).map(({ resource, decision }) => [resource, decision]);
    expect(ended).toEqual([one, two].map(({ signIn }) => [`console-session:${signIn.session.id}`, 'allow']));
    // Who asks with a token has no session that stays.
    expect((await world.call('DELETE', `${ALL}?others=true`)).json()).toEqual({ ended: 1 });
    expect(await isGood(admin)).toBe(false);
  });

  test('more than are ended in one transaction end too', async () => {
    const admin = await browserOf();
    const token = aToken({ expiresAt: null });
    const now = world.clock.now();
    await world.store.transaction(async (tx) => {
      await tx.tokens.insert(token);
      for (let i = 0; i < 210; i += 1) {
        await tx.consoleSessions.insert(aConsoleSession(token, { createdAt: now, lastUsedAt: now }));
      }
    });
    expect((await admin.call('DELETE', `${ALL}?others=true`)).json()).toEqual({ ended: 210 });
    expect(ConsoleSessionPage.parse((await admin.call('GET', ALL)).json()).items).toHaveLength(1);
  });

  test('none end where it is not said which', async () => {
    const browser = await browserOf();
    await browserOf();
    for (const query of ['', '?others=false', '?others=']) {
      expectError(await browser.call('DELETE', `${ALL}${query}`), 400, 'body-malformed');
    }
    expect(ConsoleSessionPage.parse((await browser.call('GET', ALL)).json()).items).toHaveLength(2);
  });

  test('that of another token takes the right to revoke it', async () => {
    const admin = await browserOf();
    const operator = await browserOf(await world.tokenOf('operator'));
    expectError(await operator.call('DELETE', `${ALL}/${admin.signIn.session.id}`), 403, 'not-authorised');
    expect((await admin.call('DELETE', `${ALL}/${operator.signIn.session.id}`)).statusCode).toBe(204);
    const unknown = '00000000-0000-4000-8000-000000000000';
    expectError(await admin.call('DELETE', `${ALL}/${unknown}`), 404, 'console-session-not-found');
  });
});
