import { InstanceName, type AccountRef, type CreateToken, type InstanceId } from '#protocol';
import { describe, expect, test } from 'vitest';
import { application, expectError, HttpWorld } from '../../support/http-world.ts';

const name = InstanceName.parse('one');
const RE_ENROL: CreateToken = { type: 'join', instance: name, reEnrol: true };

const create = (world: HttpWorld, body: CreateToken, token?: string) =>
  world.call('POST', '/api/v1/tokens', { body, ...(token === undefined ? {} : { token }) });

/** An instance with an agent. */
async function enrolled(world: HttpWorld): Promise<InstanceId> {
  const id = await world.addInstance(name);
  const { token } = await world.createToken({ type: 'join', instance: name });
  const reply = await world.call('POST', '/api/v1/agents/enroll', { token: null, body: await application(token) });
  expect(reply.statusCode, reply.body).toBe(201);
  return id;
}

/** Whoever stands in for an instance opens every password that is sent to it. */
describe.each([
  ['is limited to some accounts', { accounts: ['alice' as AccountRef], privileged: true }],
  ['may not reset privileged accounts', { privileged: false }],
])('who %s puts no machine in the place of an instance', (_, limits) => {
  test('by a token that replaces its identity', async () => {
    await using world = await HttpWorld.open();
    await enrolled(world);
    const token = await world.tokenOf('operator', limits);
    expectError(await create(world, RE_ENROL, token), 403, 'not-authorised');
    expect(await world.auditOf('join-token.create')).toContainEqual(
      expect.objectContaining({ decision: 'deny', rule: 'no-escalation', code: 'not-authorised' }),
    );
    expect((await create(world, { type: 'join' }, token)).statusCode).toBe(201);
  });

  test('by removing it and joining under its name', async () => {
    await using world = await HttpWorld.open();
    const id = await enrolled(world);
    await world.addInstance('empty');
    const token = await world.tokenOf('administrator', limits);
    expectError(await world.call('DELETE', `/api/v1/instances/${name}`, { token }), 403, 'not-authorised');
    expect(await world.store.read.instances.get(id)).not.toBeNull();
    expect(world.closed).toEqual([]);
    expect((await world.call('DELETE', '/api/v1/instances/empty', { token })).statusCode).toBe(204);
  });

  test('by giving it another name and joining under the one that it had', async () => {
    await using world = await HttpWorld.open();
    const id = await enrolled(world);
    await world.addInstance('empty');
    const token = await world.tokenOf('operator', limits);
    const rename = (which: string, to: string) =>
      world.call('PATCH', `/api/v1/instances/${which}`, { token, body: { name: to } });
    expectError(await rename(name, 'other'), 403, 'not-authorised');
    expect((await world.store.read.instances.get(id))?.name).toBe(name);
    expect((await rename('empty', 'still-empty')).statusCode).toBe(200);
    const tags = await world.call('PATCH', `/api/v1/instances/${name}`, { token, body: { name, tags: { a: 'b' } } });
    expect(tags.statusCode, tags.body).toBe(200);
  });
});

test('who may reset every account may put another machine in the place of an instance', async () => {
  await using world = await HttpWorld.open();
  await enrolled(world);
  const token = await world.tokenOf('operator', { privileged: true });
  expect((await create(world, RE_ENROL, token)).statusCode).toBe(201);
});

test('a token for an instance that is enrolled already is made only to replace its identity', async () => {
  await using world = await HttpWorld.open();
  await enrolled(world);
  const refused = await create(world, { type: 'join', instance: name });
  expect(expectError(refused, 409, 'instance-already-enrolled').remedy).toContain('--re-enrol');
  expect((await create(world, RE_ENROL)).statusCode).toBe(201);
});
