import {
  CreatedToken,
  fromBase64Url,
  parseJoinToken,
  utf8,
  TokenPage,
  type ActorRole,
  type CreateToken,
} from '#protocol';
import { describe, expect, test } from 'vitest';
import { sha256Sync } from '../../../control-plane/server/runtime.ts';
import { parseApiToken } from '../../../control-plane/server/service/token-secrets.ts';
import { expectError, HttpWorld } from '../../support/http-world.ts';

const create = (world: HttpWorld, body: CreateToken, token?: string) =>
  world.call('POST', '/api/v1/tokens', { body, ...(token === undefined ? {} : { token }) });

describe('the first administrator', () => {
  test('is made once, and is whole', async () => {
    await using world = await HttpWorld.open();
    const me = await world.call('GET', '/api/v1/whoami');
    expect(me.json()).toMatchObject({ role: 'administrator', projects: null, privileged: true });
    const delivered: string[] = [];
    const again = await world.services.tokens.firstAdministrator((token) => {
      delivered.push(token);
      return Promise.resolve();
    });
    expect([again, delivered]).toEqual([false, []]);
    expect(await world.auditOf('token.create')).toMatchObject([{ actor: 'system', rule: 'first-start' }]);
  });

  test('is not made again when the only token was revoked', async () => {
    await using world = await HttpWorld.open();
    const id = parseApiToken(world.administrator)?.id ?? '';
    expect((await world.call('DELETE', `/api/v1/tokens/${id}`)).statusCode).toBe(204);
    expect(await world.services.tokens.firstAdministrator(() => Promise.resolve())).toBe(false);
  });

  test('is not made when its token could not be put down', async () => {
    await using empty = await HttpWorld.openEmpty();
    const full = () => Promise.reject(new Error('disk full'));
    await expect(empty.services.tokens.firstAdministrator(full)).rejects.toThrow('disk full');
    const page = await empty.store.read.tokens.list({ limit: 1, after: null });
    expect(page.rows).toEqual([]);
  });
});

describe('an API token', () => {
  test('says all that limits it', async () => {
    await using world = await HttpWorld.open();
    const limits = { projects: [await world.addProject('edge')], accounts: ['alice'], privileged: true };
    const me = await world.call('GET', '/api/v1/whoami', { token: await world.tokenOf('operator', limits) });
    expect(me.json()).toMatchObject({ role: 'operator', ...limits });
  });

  test('is shown once, and stored as a hash', async () => {
    await using world = await HttpWorld.open();
    world.clock.advance(1);
    const { id, token } = await world.createToken({ type: 'api', name: 'deploy', role: 'operator' });
    expect(token).toMatch(/^lk_[0-9a-f-]{36}_[A-Za-z0-9_-]{43}$/);
    const secret = parseApiToken(token)?.secret ?? '';
    const record = await world.store.read.tokens.get(id);
    expect(record?.secretDigest).toBe(sha256Sync(fromBase64Url(secret)));
    const listed = await world.call('GET', '/api/v1/tokens');
    expect(TokenPage.parse(listed.json()).items.map(({ name }) => name)).toEqual(['deploy', 'first administrator']);
    expect(listed.body).not.toContain(secret);
    expect(listed.body).not.toContain(record?.secretDigest);
    expect(JSON.stringify([world.lines, await world.auditOf('token.create')])).not.toContain(secret);
  });

  test('notes when it was last used, at most once a minute', async () => {
    await using world = await HttpWorld.open();
    const { id, token } = await world.createToken({ type: 'api', name: 'used', role: 'viewer' });
    const use = async () => {
      await world.call('GET', '/api/v1/whoami', { token });
      await world.services.settled();
      return (await world.store.read.tokens.get(id))?.lastUsedAt;
    };
    const first = world.clock.now();
    expect(await use()).toBe(first);
    world.clock.advance(59_000);
    expect(await use()).toBe(first);
    world.clock.advance(1_000);
    expect(await use()).toBe(first + 60_000);
  });

  test.each<ActorRole>(['viewer', 'operator'])('is not made by a token of the role %s', async (role) => {
    await using world = await HttpWorld.open();
    const token = await world.tokenOf(role);
    expectError(await create(world, { type: 'api', name: 'more', role: 'viewer' }, token), 403, 'not-authorised');
    expectError(
      await create(world, { type: 'api', name: 'more', role: 'administrator' }, token),
      403,
      'not-authorised',
    );
  });

  test('is not made by an administrator of one project', async () => {
    await using world = await HttpWorld.open();
    const token = await world.tokenOf('administrator', { projects: [await world.addProject('one')] });
    const wider = { type: 'api', name: 'more', role: 'administrator' } as const;
    expectError(await create(world, wider, token), 403, 'not-authorised');
    expect(await world.auditOf('token.create')).toContainEqual(
      expect.objectContaining({ decision: 'deny', rule: 'project-scope' }),
    );
  });

  test('ends no later than that of its creator, whatever it asks for', async () => {
    await using world = await HttpWorld.open();
    const brief = await world.createToken({ type: 'api', name: 'brief', role: 'administrator', ttlMs: 3_600_000 });
    const heirs: CreateToken[] = [
      { type: 'api', name: 'heir', role: 'administrator' },
      { type: 'api', name: 'heir', role: 'administrator', ttlMs: 7_200_000 },
      { type: 'join', ttlMs: 24 * 3_600_000 },
    ];
    for (const heir of heirs) {
      const reply = await create(world, heir, brief.token);
      expect(CreatedToken.parse(reply.json()).expiresAt).toBe(brief.expiresAt);
    }
    const shorter = await create(world, { type: 'join', ttlMs: 60_000 }, brief.token);
    expect(CreatedToken.parse(shorter.json()).expiresAt).toBe(world.clock.now() + 60_000);
  });

  test('has no more rights than its creator', async () => {
    await using world = await HttpWorld.open();
    const token = await world.tokenOf('administrator', { accounts: ['alice', 'bob'] });
    const base = { type: 'api', name: 'more', role: 'operator' } as const;
    expectError(await create(world, { ...base, privileged: true, accounts: ['bob'] }, token), 403, 'not-authorised');
    expectError(await create(world, base, token), 403, 'not-authorised');
    expectError(await create(world, { ...base, accounts: ['bob', 'root'] }, token), 403, 'not-authorised');
    expect((await create(world, { ...base, accounts: ['bob'] }, token)).statusCode).toBe(201);
    const denials = (await world.auditOf('token.create')).filter(({ decision }) => decision === 'deny');
    expect(denials.map(({ rule }) => rule)).toEqual(['no-escalation', 'no-escalation', 'no-escalation']);
  });
});

describe('what was made with a token', () => {
  const line = async (world: HttpWorld) => {
    const made = async (name: string, token?: string) =>
      CreatedToken.parse((await create(world, { type: 'api', name, role: 'administrator' }, token)).json());
    const mallory = await made('mallory');
    const child = await made('child', mallory.token);
    const grandchild = await made('grandchild', child.token);
    const join = CreatedToken.parse((await create(world, { type: 'join' }, grandchild.token)).json());
    return { mallory, child, grandchild, join, sister: await made('mallory') };
  };
  const revoke = (world: HttpWorld, id: string, query = '') => world.call('DELETE', `/api/v1/tokens/${id}${query}`);
  const lets = async (world: HttpWorld, token: string) =>
    (await world.call('GET', '/api/v1/whoami', { token })).statusCode === 200;

  test('outlives it, unless its descendants are revoked as well', async () => {
    await using world = await HttpWorld.open();
    const { mallory, child, grandchild, join, sister } = await line(world);
    expect((await revoke(world, mallory.id)).statusCode).toBe(204);
    expect(await lets(world, grandchild.token)).toBe(true);

    // Also where the first of them was revoked before.
    const reply = await revoke(world, mallory.id, '?descendants=true');
    expect([reply.statusCode, reply.json()]).toEqual([200, { revoked: [child.id, grandchild.id, join.id] }]);
    for (const { token } of [mallory, child, grandchild]) expect(await lets(world, token)).toBe(false);
    expect((await world.store.read.tokens.get(join.id))?.revokedAt).toBe(world.clock.now());
    expect(await lets(world, sister.token)).toBe(true);
    expect((await revoke(world, mallory.id, '?descendants=true')).json()).toEqual({ revoked: [] });
  });

  test('is each on record when it is revoked, with the token that it goes back to', async () => {
    await using world = await HttpWorld.open();
    const { mallory, child, grandchild, join } = await line(world);
    await revoke(world, mallory.id, '?descendants=true');
    const records = (await world.auditOf('token.revoke')).map(({ resource, detail }) => [
      resource,
      detail['descendantOf'],
    ]);
    expect(new Map(records as [string, unknown][])).toEqual(
      new Map([
        [`token:${mallory.id}`, undefined],
        ...[child, grandchild, join].map(({ id }): [string, unknown] => [`token:${id}`, mallory.id]),
      ]),
    );
  });

  test('tells whoever waits with one of them', async () => {
    await using world = await HttpWorld.open();
    const { mallory, grandchild } = await line(world);
    const told: string[] = [];
    world.services.tokens.onRevoked(grandchild.id, () => told.push(grandchild.id));
    await revoke(world, mallory.id, '?descendants=true');
    expect(told).toEqual([grandchild.id]);
  });

  test('is not revoked by who may not, nor by a word that is none', async () => {
    await using world = await HttpWorld.open();
    const { mallory, child } = await line(world);
    const token = await world.tokenOf('operator');
    const path = `/api/v1/tokens/${mallory.id}?descendants=true`;
    expectError(await world.call('DELETE', path, { token }), 403, 'not-authorised');
    expectError(await revoke(world, mallory.id, '?descendants=yes'), 400, 'body-malformed');
    expect(await lets(world, child.token)).toBe(true);
  });
});

describe('a join token', () => {
  test('carries what an agent needs to know this control plane', async () => {
    await using world = await HttpWorld.open();
    world.keySetVersion = 7;
    const { id, token, expiresAt } = await world.createToken({ type: 'join' });
    const trust = { scriptKey: world.scriptSigner.key, keySetVersionMin: 7 };
    expect(parseJoinToken(token)).toMatchObject({ id, caPin: sha256Sync(utf8('the authority')), ...trust });
    expect(expiresAt).toBe(world.clock.now() + 3_600_000);
  });

  test('opens no door of the API', async () => {
    await using world = await HttpWorld.open();
    const { id, token } = await world.createToken({ type: 'join' });
    const secret = parseJoinToken(token)?.secret ?? '';
    for (const presented of [token, `lk_${id}_${secret}`]) {
      expectError(await world.call('GET', '/api/v1/whoami', { token: presented }), 401, 'unauthenticated');
    }
  });

  test('is made by an operator for its own projects alone', async () => {
    await using world = await HttpWorld.open();
    const [mine, theirs] = [await world.addProject('mine'), await world.addProject('theirs')];
    await world.addInstance('far', 'theirs');
    const token = await world.tokenOf('operator', { projects: [mine] });
    expect((await create(world, { type: 'join', project: mine }, token)).statusCode).toBe(201);
    expectError(await create(world, { type: 'join', project: theirs }, token), 403, 'not-authorised');
    expectError(await create(world, { type: 'join' }, token), 403, 'not-authorised');
    const bound = { type: 'join', project: mine, instance: 'far', reEnrol: true } as const;
    expectError(await create(world, bound, token), 404, 'instance-not-found');
  });

  test('for a project or an instance that is not there is not made', async () => {
    await using world = await HttpWorld.open();
    const mistyped = { type: 'api', name: 'x', role: 'operator', projects: ['default', 'absent'] } as const;
    expectError(await create(world, mistyped as unknown as CreateToken), 404, 'project-not-found');
    const project = { type: 'join', project: 'absent' } as unknown as CreateToken;
    expectError(await create(world, project), 404, 'project-not-found');
    const instance = { type: 'join', instance: 'absent' } as unknown as CreateToken;
    expectError(await create(world, instance), 404, 'instance-not-found');
  });

  test('that would replace identities at large is not made', async () => {
    await using world = await HttpWorld.open();
    await world.addInstance('one');
    expectError(await create(world, { type: 'join', reEnrol: true }), 400, 'body-malformed');
    const often = { type: 'join', instance: 'one', reEnrol: true, uses: 2 } as unknown as CreateToken;
    expectError(await create(world, often), 400, 'body-malformed');
  });
});
