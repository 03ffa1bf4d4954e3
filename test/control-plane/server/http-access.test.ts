import { API_PREFIX, type ActorRole } from '#protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectError, HttpWorld } from '../../support/http-world.ts';
import { routesIn, type ListedRoute } from '../../support/route-tree.ts';

const PUBLIC = [
  'GET /healthz',
  'GET /readyz',
  `GET ${API_PREFIX}/openapi.json`,
  `GET ${API_PREFIX}/ca`,
  `POST ${API_PREFIX}/agents/enroll`,
  `POST ${API_PREFIX}/agents/install-progress`,
  `GET ${API_PREFIX}/releases`,
  `GET ${API_PREFIX}/releases/:archive`,
  'GET /install/linux.sh',
  'GET /',
  'GET /console',
  'GET /console/*',
];

const CHANGES = `GET ${API_PREFIX}/changes`;

/** What each route is expected to ask for: the least role that gets in, and whether a token of one project does. */
const RIGHTS: Readonly<Record<string, { readonly from: ActorRole; readonly scoped: boolean }>> = {
  'GET /metrics': { from: 'viewer', scoped: false },
  [`GET ${API_PREFIX}/instances`]: { from: 'viewer', scoped: true },
  [`POST ${API_PREFIX}/instances`]: { from: 'operator', scoped: true },
  [`POST ${API_PREFIX}/instances/import`]: { from: 'operator', scoped: true },
  [`GET ${API_PREFIX}/instances/:id`]: { from: 'viewer', scoped: true },
  [`PATCH ${API_PREFIX}/instances/:id`]: { from: 'operator', scoped: true },
  [`DELETE ${API_PREFIX}/instances/:id`]: { from: 'administrator', scoped: true },
  [`GET ${API_PREFIX}/projects`]: { from: 'viewer', scoped: true },
  [`POST ${API_PREFIX}/projects`]: { from: 'administrator', scoped: false },
  [`PUT ${API_PREFIX}/projects/:name/service`]: { from: 'administrator', scoped: true },
  [`GET ${API_PREFIX}/service-statement`]: { from: 'viewer', scoped: true },
  [`POST ${API_PREFIX}/resets/plan`]: { from: 'operator', scoped: true },
  [`POST ${API_PREFIX}/resets`]: { from: 'operator', scoped: true },
  [`GET ${API_PREFIX}/resets`]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/resets/:id`]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/resets/:id/tasks`]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/resets/:id/events`]: { from: 'viewer', scoped: true },
  [`POST ${API_PREFIX}/resets/:id/cancel`]: { from: 'operator', scoped: true },
  [`POST ${API_PREFIX}/resets/:id/pause`]: { from: 'operator', scoped: true },
  [`POST ${API_PREFIX}/resets/:id/resume`]: { from: 'operator', scoped: true },
  [`GET ${API_PREFIX}/tokens`]: { from: 'administrator', scoped: false },
  [`POST ${API_PREFIX}/tokens`]: { from: 'operator', scoped: true },
  [`DELETE ${API_PREFIX}/tokens/:id`]: { from: 'administrator', scoped: false },
  [`GET ${API_PREFIX}/whoami`]: { from: 'viewer', scoped: true },
  [`POST ${API_PREFIX}/console/session`]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/console/session`]: { from: 'viewer', scoped: true },
  [`DELETE ${API_PREFIX}/console/session`]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/console/sessions`]: { from: 'viewer', scoped: true },
  [`DELETE ${API_PREFIX}/console/sessions`]: { from: 'viewer', scoped: true },
  [`DELETE ${API_PREFIX}/console/sessions/:id`]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/overview`]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/settings`]: { from: 'administrator', scoped: false },
  [CHANGES]: { from: 'viewer', scoped: true },
  [`GET ${API_PREFIX}/audit`]: { from: 'operator', scoped: false },
};
const ROLES: readonly ActorRole[] = ['viewer', 'operator', 'administrator'];

/** A path of that pattern, about nothing that exists. */
const pathOf = ({ path }: ListedRoute) =>
  path.replace(/:[a-z]+/g, '00000000-0000-4000-8000-000000000000').replace('*', 'some');
const nameOf = ({ method, path }: ListedRoute) => `${method} ${path}`;

let world: HttpWorld;
let routes: ListedRoute[];
beforeAll(async () => {
  world = await HttpWorld.open();
  routes = routesIn(world.app.printRoutes({ commonPrefix: false }));
});
afterAll(() => world[Symbol.asyncDispose]());

describe('without credentials', () => {
  test('every route answers 401 but for the public list', async () => {
    expect(routes.map(nameOf).toSorted()).toEqual([...PUBLIC, ...Object.keys(RIGHTS)].toSorted());
    for (const route of routes) {
      const reply = await world.call(route.method, pathOf(route), { token: null });
      if (PUBLIC.includes(nameOf(route))) expect(reply.statusCode, nameOf(route)).not.toBe(401);
      else expect(expectError(reply, 401, 'unauthenticated').details, nameOf(route)).toEqual([]);
    }
  });

  test.each(['HEAD', 'OPTIONS', 'TRACE'])('%s reaches no route', async (method) => {
    for (const route of routes) {
      const reply = await world.call(method, pathOf(route), { token: null });
      expect(reply.statusCode, nameOf(route)).toBe(405);
    }
  });

  test.each([
    ['no scheme', (token: string) => token],
    ['another scheme', (token: string) => `Basic ${token}`],
    ['two tokens', (token: string) => `Bearer ${token} ${token}`],
    ['a changed secret', (token: string) => `Bearer ${token.slice(0, -1)}${token.endsWith('A') ? 'Q' : 'A'}`],
    ['another id', (token: string) => `Bearer ${token.replace(/^lk_.{8}/, 'lk_00000000')}`],
    ['a join token', (token: string) => `Bearer ${token.replace('lk_', 'lkj_')}`],
    ['nothing', () => 'Bearer '],
    ['unprintable text', () => 'Bearer \u001b[31m'],
    ['endless text', () => `Bearer ${'A'.repeat(9_000)}`],
  ])('a header with %s is none', async (_what, header) => {
    await using fresh = await HttpWorld.open();
    const headers = { authorization: header(fresh.administrator) };
    const reply = await fresh.call('GET', '/api/v1/whoami', { token: null, headers });
    expectError(reply, 401, 'unauthenticated');
    expect(reply.headers['www-authenticate']).toBe('Bearer realm="latchkey"');
  });

  test('a token in the URL is none', async () => {
    const reply = await world.call('GET', `/api/v1/whoami?access_token=${world.administrator}`, { token: null });
    expectError(reply, 401, 'unauthenticated');
    expect(JSON.stringify(world.lines)).not.toContain(world.administrator);
  });
});

describe('with a token', () => {
  test.each(ROLES)('of the role %s, exactly the routes of that role let it in', async (role) => {
    const token = await world.tokenOf(role, { privileged: false });
    await expectRights(token, ({ from }) => ROLES.indexOf(role) >= ROLES.indexOf(from));
  });

  test.each(ROLES)('of the role %s for one project, nothing about the whole control plane lets it in', async (role) => {
    const token = await world.tokenOf(role, { projects: [await world.addProject(`only-${role}`)] });
    await expectRights(token, ({ from, scoped }) => scoped && ROLES.indexOf(role) >= ROLES.indexOf(from));
  });

  async function expectRights(token: string, mayEnter: (rights: { from: ActorRole; scoped: boolean }) => boolean) {
    for (const route of routes) {
      const rights = RIGHTS[nameOf(route)];
      // A public route asks for nobody.
      if (rights === undefined) continue;
      // A stream that lets somebody in does not end.
      if (nameOf(route) === CHANGES && mayEnter(rights)) continue;
      const reply = await world.call(route.method, pathOf(route), { token });
      expect(reply.statusCode === 403, `${nameOf(route)}: ${reply.body}`).toBe(!mayEnter(rights));
      if (!mayEnter(rights)) expectError(reply, 403, 'not-authorised');
    }
  }

  test('a flood of 403 is one record a minute, which counts them, for each who asks', async () => {
    const tokens = [
      await world.tokenOf('viewer', { name: 'first' }),
      await world.tokenOf('viewer', { name: 'second' }),
    ];
    for (const token of tokens) {
      for (let n = 0; n < 50; n += 1) await world.call('DELETE', '/api/v1/instances/some', { token });
    }
    const denials = (await world.auditOf('instance.remove')).filter(({ resource }) => resource.startsWith('route:'));
    const counted = denials.filter(({ actor }) => /(first|second)$/.test(actor));
    expect(counted.map(({ detail }) => detail['count'])).toEqual([50, 50]);
  });

  test('every 403 is in the audit, with the rule', async () => {
    const token = await world.tokenOf('viewer', { name: 'only looks' });
    expectError(await world.call('DELETE', '/api/v1/instances/some', { token }), 403, 'not-authorised');
    const [record] = await world.auditOf('instance.remove');
    expect(record).toMatchObject({ decision: 'deny', rule: 'default-deny', code: 'not-authorised' });
    expect(record?.actor).toMatch(/^token:[0-9a-f-]{36} only looks$/);
  });

  test('that is revoked, its holder loses access with the next request', async () => {
    const { id, token } = await world.createToken({ type: 'api', name: 'brief', role: 'viewer' });
    expect((await world.call('GET', '/api/v1/whoami', { token })).json()).toMatchObject({ tokenId: id, name: 'brief' });
    expect((await world.call('DELETE', `/api/v1/tokens/${id}`)).statusCode).toBe(204);
    expectError(await world.call('GET', '/api/v1/whoami', { token }), 401, 'unauthenticated');
    // Once more is no error, and no second record.
    expect((await world.call('DELETE', `/api/v1/tokens/${id}`)).statusCode).toBe(204);
    const records = await world.auditOf('token.revoke');
    expect(records.filter(({ resource }) => resource === `token:${id}`)).toHaveLength(1);
  });

  test('that expires, its holder loses access at that moment', async () => {
    const { token } = await world.createToken({ type: 'api', name: 'short', role: 'viewer', ttlMs: 60_000 });
    world.clock.advance(59_999);
    expect((await world.call('GET', '/api/v1/whoami', { token })).statusCode).toBe(200);
    world.clock.advance(1);
    expectError(await world.call('GET', '/api/v1/whoami', { token }), 401, 'unauthenticated');
  });
});

describe('a path that is written another way', () => {
  test.each([
    '/api/v1/instances/',
    '/api/v1//instances',
    '//api/v1/instances',
    '/API/v1/instances',
    '/api/v1/Instances',
    '/api/v1/instances/%2e%2e',
    '/api/v1%2finstances',
    '/api/v1/instances%2Fx',
    '/api/v1/%69nstances',
    '/api/v1/instances/a%00b',
    '/api/v1/instances/a%5cb',
    '/api/v1/instances/%zz',
    '/api/v1/instances;x=1',
    '/healthz/',
    '/nothing',
  ])('%s is no route, with a token or without', async (path) => {
    expectError(await world.call('GET', path), 404, 'route-not-found');
    expectError(await world.call('GET', path, { token: null }), 404, 'route-not-found');
  });

  test('an endless one is no route either', async () => {
    expectError(await world.call('GET', `/api/v1/instances/${'a'.repeat(5_000)}`), 404, 'route-not-found');
  });
});
