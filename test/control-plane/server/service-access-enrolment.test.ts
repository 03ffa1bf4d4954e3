import {
  Enrolled,
  InstanceName,
  judgeFirstKeySet,
  parseJoinToken,
  verifyEd25519,
  type CreateToken,
  type Enrol,
} from '#protocol';
import { describe, expect, test } from 'vitest';
import { aReset, aTask } from '../../contract/store-records.ts';
import { application, expectError, HttpWorld, randomSecret } from '../../support/http-world.ts';
import { newSigner } from '../../support/keys.ts';

const join = (world: HttpWorld, body: Enrol) => world.call('POST', '/api/v1/agents/enroll', { token: null, body });

async function joinToken(
  world: HttpWorld,
  rest: Partial<Extract<CreateToken, { type: 'join' }>> = {},
): Promise<string> {
  const { token } = await world.createToken({ type: 'join', ...rest });
  return token;
}

/** Joins and expects that to work. */
async function joined(world: HttpWorld, body: Enrol): Promise<Enrolled> {
  const reply = await join(world, body);
  expect(reply.statusCode, reply.body).toBe(201);
  return Enrolled.parse(reply.json());
}

const one = InstanceName.parse('one');
const bound = (reEnrol: boolean) => ({ instance: one, reEnrol });

async function usesLeft(world: HttpWorld, token: string): Promise<number | null | undefined> {
  const id = parseJoinToken(token)?.id;
  return id === undefined ? undefined : (await world.store.read.tokens.get(id))?.usesLeft;
}

describe('an agent that joins', () => {
  test("becomes an instance of the token's project, with the keys to believe", async () => {
    await using world = await HttpWorld.open();
    const token = await joinToken(world, { project: await world.addProject('edge') });
    const signer = await newSigner();
    const answer = await joined(world, await application(token, { signer, name: 'one', hostname: 'one.local' }));
    expect(answer).toMatchObject({ name: 'one', project: 'edge' });
    const anchor = { scriptKey: parseJoinToken(token)?.scriptKey ?? signer.key };
    expect(await judgeFirstKeySet(verifyEd25519, anchor, answer.keySet)).toMatchObject({ accept: true });
    const record = await world.store.read.instances.get(answer.instanceId);
    expect(record).toMatchObject({
      identity: signer.key,
      identityKey: signer.publicKey,
      agentState: 'offline',
      os: 'linux',
    });
    expect(await world.auditOf('instance.enrol')).toMatchObject([
      {
        decision: 'allow',
        rule: 'join-token-project',
        resource: `instance:${answer.instanceId}`,
        actor: expect.stringMatching(/^token:/) as string,
      },
    ]);
  });

  test('takes the place that an operator made for it', async () => {
    await using world = await HttpWorld.open();
    const id = await world.addInstance('one');
    const token = await joinToken(world, bound(false));
    const answer = await joined(world, await application(token, { name: 'what-it-calls-itself' }));
    expect(answer).toMatchObject({ instanceId: id, name: 'one' });
  });

  test('replaces the identity where an operator allowed it, and the old one is shut out', async () => {
    await using world = await HttpWorld.open();
    await world.addInstance('one');
    const { instanceId } = await joined(world, await application(await joinToken(world, bound(false))));
    await world.store.transaction((tx) =>
      tx.instances.update(instanceId, { fencedAt: 1, agentState: 'abnormal', lastSeenAt: 1, agentVersion: 'old' }),
    );
    const signer = await newSigner();
    await joined(world, await application(await joinToken(world, bound(true)), { signer }));
    expect(await world.store.read.instances.get(instanceId)).toMatchObject({
      identity: signer.key,
      fencedAt: null,
      agentState: 'offline',
      sealingKey: null,
      continuityCurrent: null,
      continuityPrevious: null,
      reasons: [],
    });
    expect(world.closed).toEqual([{ id: instanceId, reason: 'session-replaced' }]);
  });

  test('ends what was open for the identity it replaces: blocked when unsent, unknown when under way', async () => {
    await using world = await HttpWorld.open();
    const { instanceId } = await joined(world, await application(await joinToken(world), { name: 'one' }));
    const reset = aReset({ requestedAt: 1, notAfter: 9 });
    const unsent = aTask(reset, { instanceId, state: 'pending' });
    const underWay = aTask(reset, { instanceId, state: 'dispatched' });
    const done = aTask(reset, { instanceId, state: 'succeeded', sealed: null });
    await world.store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      await tx.tasks.insert([unsent, underWay, done]);
    });
    await joined(world, await application(await joinToken(world, bound(true)), {}));
    const { tasks } = world.store.read;
    expect(await tasks.get(unsent.id)).toMatchObject({ state: 'blocked', code: 'agent-key-changed', sealed: null });
    expect(await tasks.get(underWay.id)).toMatchObject({ state: 'outcome-unknown', code: 'agent-key-changed' });
    expect(await tasks.get(done.id)).toEqual(done);
    expect(world.endedTasks.toSorted()).toEqual([unsent.id, underWay.id].toSorted());
  });
});

describe('a join token lets nobody in', () => {
  test('once its uses are spent', async () => {
    await using world = await HttpWorld.open();
    const token = await joinToken(world, { uses: 2 });
    await joined(world, await application(token));
    await joined(world, await application(token));
    expectError(await join(world, await application(token)), 401, 'join-token-used-up');
  });

  test('twice at the same moment with one use', async () => {
    await using world = await HttpWorld.open();
    const token = await joinToken(world);
    const bodies = await Promise.all(Array.from({ length: 8 }, () => application(token)));
    const replies = await Promise.all(bodies.map((body) => join(world, body)));
    expect(replies.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    expect(await usesLeft(world, token)).toBe(0);
    expect((await world.store.read.instances.list({}, { limit: 10, after: null })).rows).toHaveLength(1);
  });

  test('after it has expired', async () => {
    await using world = await HttpWorld.open();
    const token = await joinToken(world, { ttlMs: 60_000 });
    world.clock.advance(60_000);
    expectError(await join(world, await application(token)), 401, 'join-token-expired');
  });

  test('after it was revoked', async () => {
    await using world = await HttpWorld.open();
    const { id, token } = await world.createToken({ type: 'join' });
    await world.call('DELETE', `/api/v1/tokens/${id}`);
    expectError(await join(world, await application(token)), 401, 'join-token-invalid');
  });

  test('with another secret, under another id, or when it is an API token', async () => {
    await using world = await HttpWorld.open();
    const token = await joinToken(world);
    const body = await application(token);
    expectError(await join(world, { ...body, secret: randomSecret() }), 401, 'join-token-invalid');
    const other = await application(await joinToken(world));
    expectError(await join(world, { ...body, tokenId: other.tokenId }), 401, 'join-token-invalid');
    const [, id = '', secret = ''] = /^lk_(.{36})_(.{43})$/.exec(world.administrator) ?? [];
    const asApi = await application(`lkj_${id}_${secret}_`);
    expectError(await join(world, asApi), 401, 'join-token-invalid');
    await joined(world, body);
  });

  test('to an instance that was moved out of its project, or removed', async () => {
    await using world = await HttpWorld.open();
    await world.addProject('elsewhere');
    await world.addInstance('one');
    const [first, second] = [await joinToken(world, bound(false)), await joinToken(world, bound(false))];
    const move = { body: { project: 'elsewhere' } };
    expect((await world.call('PATCH', '/api/v1/instances/one', move)).statusCode).toBe(200);
    expectError(await join(world, await application(first)), 401, 'join-token-invalid');
    expect((await world.call('DELETE', '/api/v1/instances/one')).statusCode).toBe(204);
    expectError(await join(world, await application(second)), 401, 'join-token-invalid');
  });
});

describe('an enrolment is refused', () => {
  test('when it would take over a name that is in use, and costs no use', async () => {
    await using world = await HttpWorld.open();
    await world.addProject('other');
    await world.addInstance('one', 'other');
    const token = await joinToken(world);
    expectError(await join(world, await application(token, { name: 'one' })), 409, 'instance-name-taken');
    expect(await usesLeft(world, token)).toBe(1);
    expect(await world.store.read.instances.byName(one)).toMatchObject({ identity: null, project: 'other' });
    expect(await world.auditOf('instance.enrol')).toMatchObject([{ decision: 'deny', code: 'instance-name-taken' }]);
  });

  test('when the instance has an agent and nobody allowed another', async () => {
    await using world = await HttpWorld.open();
    await world.addInstance('one');
    const [first, second] = [await joinToken(world, bound(false)), await joinToken(world, bound(false))];
    const { instanceId } = await joined(world, await application(first));
    const before = await world.store.read.instances.get(instanceId);
    expectError(await join(world, await application(second)), 409, 'instance-already-enrolled');
    expect(await world.store.read.instances.get(instanceId)).toEqual(before);
  });

  test('when the identity is enrolled already, under whatever name', async () => {
    await using world = await HttpWorld.open();
    const signer = await newSigner();
    const token = await joinToken(world, { uses: 5 });
    const body = await application(token, { signer });
    await joined(world, body);
    expectError(await join(world, body), 409, 'identity-already-enrolled');
    expectError(await join(world, await application(token, { signer })), 409, 'identity-already-enrolled');
    expect(await usesLeft(world, token)).toBe(4);
  });

  test('when the operating system is not the one that the instance was declared with', async () => {
    await using world = await HttpWorld.open();
    await world.addInstance('one', 'default', 'windows');
    const token = await joinToken(world, bound(false));
    expectError(await join(world, await application(token, { os: 'linux' })), 409, 'os-fixed');
    await joined(world, await application(token, { os: 'windows' }));
    const again = await joinToken(world, bound(true));
    expectError(await join(world, await application(again, { os: 'linux' })), 409, 'os-fixed');
  });

  test('when it is not signed by the key that it presents', async () => {
    await using world = await HttpWorld.open();
    const token = await joinToken(world);
    const [honest, other] = [await application(token), await newSigner()];
    const foreign = await application(token, { signer: other });
    const forgeries: Enrol[] = [
      { ...honest, request: foreign.request },
      { ...honest, publicKey: other.publicKey },
      { ...honest, request: { ...honest.request, signature: foreign.request.signature } },
      { ...honest, request: { ...honest.request, key: other.key } },
      { ...honest, request: { ...honest.request, bytes: foreign.request.bytes } },
      await application(token, { signed: { publicKey: other.publicKey } }),
    ];
    for (const forgery of forgeries) expectError(await join(world, forgery), 401, 'enrolment-proof-invalid');
    expect(await usesLeft(world, token)).toBe(1);
  });

  test('when a signed request is replayed under another token', async () => {
    await using world = await HttpWorld.open();
    const [theirs, mine] = [await application(await joinToken(world)), await application(await joinToken(world))];
    const replay = { ...mine, publicKey: theirs.publicKey, request: theirs.request };
    expectError(await join(world, replay), 401, 'enrolment-proof-invalid');
  });

  test.each(['\u001b[31m', 'line\nfeed', '\u202ereversed', 'x'.repeat(201)])(
    'when the agent says %j of itself',
    async (hostname) => {
      await using world = await HttpWorld.open();
      const body = await application(await joinToken(world), { hostname });
      expectError(await join(world, body), 401, 'enrolment-proof-invalid');
    },
  );

  test('and is counted when nothing was proven', async () => {
    await using world = await HttpWorld.open();
    const body = { ...(await application(await joinToken(world))), secret: randomSecret() };
    await join(world, body);
    await join(world, body);
    expect(await world.auditOf('instance.enrol')).toMatchObject([
      { actor: 'anonymous', decision: 'deny', code: 'join-token-invalid', resource: 'source:127.0.0.1' },
    ]);
  });
});
