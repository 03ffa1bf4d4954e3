import { describe, expect, test } from 'vitest';
import { createRateLimiter } from '../../../control-plane/server/domain/rate-limiter.ts';
import { RATE_LIMITS } from '../../../control-plane/server/http/rate-limits.ts';
import { sourceOf } from '../../../control-plane/server/http/source.ts';
import { browserIn, OWN_SESSION } from '../../support/console-browser.ts';
import { application, expectError, HttpWorld, randomSecret } from '../../support/http-world.ts';

const WRONG = { authorization: `Bearer lk_00000000-0000-4000-8000-000000000000_${randomSecret()}` };

describe('whoever guesses tokens', () => {
  const { burst } = RATE_LIMITS.failedAuthentication;
  const guess = (world: HttpWorld, from: string) =>
    world.call('GET', '/api/v1/whoami', { token: null, headers: WRONG, from });

  test('is told to wait, and that is over when the time has passed', async () => {
    await using world = await HttpWorld.open();
    for (let i = 0; i < burst; i += 1) expectError(await guess(world, '192.0.2.1'), 401, 'unauthenticated');
    const refused = await guess(world, '192.0.2.1');
    expectError(refused, 429, 'rate-limited');
    expect(refused.headers['retry-after']).toBe('2');
    world.clock.advance(2_000);
    expectError(await guess(world, '192.0.2.1'), 401, 'unauthenticated');
    expectError(await guess(world, '192.0.2.1'), 429, 'rate-limited');
  });

  test('shuts nobody else out, not even behind the same address', async () => {
    await using world = await HttpWorld.open();
    for (let i = 0; i <= burst; i += 1) await guess(world, '192.0.2.1');
    expectError(await guess(world, '192.0.2.2'), 401, 'unauthenticated');
    expect((await world.call('GET', '/api/v1/whoami', { from: '192.0.2.1' })).statusCode).toBe(200);
  });

  test('cannot get around it by another address of the same network', async () => {
    await using world = await HttpWorld.open();
    for (let i = 0; i < burst; i += 1) await guess(world, `2001:db8::${i.toString(16)}`);
    expectError(await guess(world, '2001:db8::ffff:1'), 429, 'rate-limited');
    expectError(await guess(world, '2001:db8:0:1::1'), 401, 'unauthenticated');
  });

  test('cannot get around it by claiming to be a proxy', async () => {
    await using world = await HttpWorld.open();
    const forwarded = (i: number) => ({ ...WRONG, 'x-forwarded-for': `198.51.100.${i}` });
    for (let i = 0; i < burst; i += 1)
      await world.call('GET', '/api/v1/whoami', { token: null, headers: forwarded(i) });
    expectError(
      await world.call('GET', '/api/v1/whoami', { token: null, headers: forwarded(99) }),
      429,
      'rate-limited',
    );
  });

  test('is told apart behind a proxy that is trusted', async () => {
    await using world = await HttpWorld.open({ trustProxy: ['127.0.0.1'] });
    const forwarded = (source: string) => ({ token: null, headers: { ...WRONG, 'x-forwarded-for': source } });
    for (let i = 0; i < burst; i += 1) await world.call('GET', '/api/v1/whoami', forwarded('198.51.100.1'));
    expectError(await world.call('GET', '/api/v1/whoami', forwarded('198.51.100.1')), 429, 'rate-limited');
    expectError(await world.call('GET', '/api/v1/whoami', forwarded('198.51.100.2')), 401, 'unauthenticated');
  });

  test('leaves one audit record a code, source and minute, which counts', async () => {
    await using world = await HttpWorld.open();
    for (let i = 0; i < burst + 5; i += 1) await guess(world, '192.0.2.1');
    await guess(world, '192.0.2.2');
    world.clock.advance(60_000);
    await guess(world, '192.0.2.1');
    const records = await world.auditOf('authenticate');
    const seen = records.map(({ code, resource, detail }) => [code, resource, ...Object.values(detail)]);
    expect(seen).toHaveLength(4);
    expect(seen).toContainEqual(expect.arrayContaining(['unauthenticated', 'source:192.0.2.1', burst]));
    expect(seen).toContainEqual(expect.arrayContaining(['rate-limited', 'source:192.0.2.1', 5]));
    expect(seen).toContainEqual(expect.arrayContaining(['unauthenticated', 'source:192.0.2.2', 1]));
    expect(records[0]).toMatchObject({ actor: 'anonymous', decision: 'deny' });
  });

  test('without any credential is refused and counted, and not taken for guessing', async () => {
    await using world = await HttpWorld.open();
    for (let i = 0; i < burst * 2; i += 1) {
      expectError(await world.call('GET', '/api/v1/whoami', { token: null }), 401, 'unauthenticated');
    }
    expect(await world.auditOf('authenticate')).toHaveLength(1);
  });
});

describe('enrolments', () => {
  test('that fail run into the limit soon, and others from elsewhere do not', async () => {
    await using world = await HttpWorld.open({ rateLimits: { enrolment: { burst: 22, perSecond: 1 } } });
    const { token } = await world.createToken({ type: 'join' });
    const attempt = async (from: string) => {
      const body = { ...(await application(token)), secret: randomSecret() };
      return world.call('POST', '/api/v1/agents/enroll', { token: null, body, from });
    };
    expectError(await attempt('192.0.2.1'), 401, 'join-token-invalid');
    expectError(await attempt('192.0.2.1'), 401, 'join-token-invalid');
    expectError(await attempt('192.0.2.1'), 429, 'rate-limited');
    expectError(await attempt('192.0.2.2'), 401, 'join-token-invalid');
    world.clock.advance(1_000);
    expectError(await attempt('192.0.2.1'), 401, 'join-token-invalid');
  });

  test('of a fleet behind one address pass', async () => {
    await using world = await HttpWorld.open();
    const { token } = await world.createToken({ type: 'join', uses: 100 });
    for (let i = 0; i < 100; i += 1) {
      const body = await application(token, { name: `host-${i}` });
      expect((await world.call('POST', '/api/v1/agents/enroll', { token: null, body })).statusCode).toBe(201);
    }
  });
});

test('resets are limited by token', async () => {
  await using world = await HttpWorld.open({ rateLimits: { reset: { burst: 2, perSecond: 0.1 } } });
  const other = await world.tokenOf('operator');
  const plan = { targets: { instances: ['one'] } };
  const start = { resetId: world.resets.id, notAfter: 1, sealed: [] };
  expect((await world.call('POST', '/api/v1/resets/plan', { body: plan })).statusCode).toBe(200);
  expect((await world.call('POST', '/api/v1/resets', { body: start })).statusCode).toBe(201);
  const refused = await world.call('POST', '/api/v1/resets', { body: start });
  expectError(refused, 429, 'rate-limited');
  expect(refused.headers['retry-after']).toBe('10');
  expect((await world.call('POST', '/api/v1/resets', { body: start, token: other })).statusCode).toBe(201);
  expect((await world.call('GET', '/api/v1/resets')).statusCode).toBe(200);
  expect(await world.auditOf('reset.start')).toMatchObject([{ decision: 'deny', code: 'rate-limited' }]);
});

describe('a limiter', () => {
  test('remembers a bounded number of keys, and forgets the one heard of least recently', () => {
    const limiter = createRateLimiter({ burst: 1, perSecond: 1 }, () => 0, 2);
    expect([limiter.take('a'), limiter.take('b'), limiter.take('a')]).toEqual([null, null, 1]);
    expect([limiter.take('c'), limiter.take('a')]).toEqual([null, 1]);
    expect(limiter.take('b')).toBeNull();
  });

  test('never holds more than its burst, nor less than nothing', () => {
    let now = 0;
    const limiter = createRateLimiter({ burst: 2, perSecond: 1 }, () => now);
    limiter.charge('a', 100);
    now = 1_000;
    expect([limiter.take('a'), limiter.take('a')]).toEqual([null, 1]);
    now = 1_000_000;
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a')]).toEqual([null, null, 1]);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0db8:0000:0001:ffff::', '2001:db8:0:1::/64'],
  ['2001:DB8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s counts as %s', (address, source) => {
  expect(sourceOf(address)).toBe(source);
});

test('opening sessions of the console is limited, by rate and by number, so that nobody drowns the audit in them', async () => {
  await using world = await HttpWorld.open();
  const viewer = await world.tokenOf('viewer');
  const first = await browserIn(world, viewer);
  world.clock.advance(1);
  let last = await world.call('POST', OWN_SESSION, { token: viewer });
  for (let i = 0; i < 30; i += 1) last = await world.call('POST', OWN_SESSION, { token: viewer });
  expectError(last, 429, 'rate-limited');
  expect((await world.call('POST', OWN_SESSION)).statusCode, 'others are none the worse').toBe(201);
  expect((await first.call('GET', OWN_SESSION)).statusCode).toBe(200);
  world.clock.advance(60_000);
  expect((await world.call('POST', OWN_SESSION, { token: viewer })).statusCode).toBe(201);
  // The oldest has made room.
  expectError(await first.call('GET', OWN_SESSION), 401, 'unauthenticated');
  const filter = { openedAfter: 0, tokenId: first.signIn.holder.tokenId };
  expect((await world.store.read.consoleSessions.list(filter, { limit: 100, after: null })).rows).toHaveLength(20);
});
