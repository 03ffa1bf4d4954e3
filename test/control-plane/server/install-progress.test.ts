import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Instance, parseJoinToken, type CreatedToken, type InstanceId } from '#protocol';
import { INSTALL_SILENCE_MS_MAX } from '../../../control-plane/server/service/install-service.ts';
import { application, expectError, HttpWorld, randomSecret } from '../../support/http-world.ts';

const PROGRESS = '/api/v1/agents/install-progress';

let world: HttpWorld;
beforeEach(async () => {
  world = await HttpWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

async function boundToken(name = 'web-1', more: { reEnrol?: boolean } = {}): Promise<CreatedToken> {
  return world.createToken({ type: 'join', instance: name, ...more });
}

function say({ token }: CreatedToken, said: object, secret = parseJoinToken(token)?.secret) {
  const body = { tokenId: parseJoinToken(token)?.id, secret, ...said };
  return world.call('POST', PROGRESS, { token: null, body });
}

const INSTALLING = { state: 'installing' };
const FAILED = { state: 'install-failed', code: 'install-disk-full', detail: '20 MB free' };

async function agentOf(id: InstanceId) {
  return Instance.parse((await world.call('GET', `/api/v1/instances/${id}`)).json()).agent;
}

async function join(created: CreatedToken) {
  const body = await application(created.token);
  const reply = await world.call('POST', '/api/v1/agents/enroll', { token: null, body });
  expect(reply.statusCode, reply.body).toBe(201);
}

describe('an instance whose installation says how it goes', () => {
  test('is installing, and stays so when its agent has joined and not yet connected', async () => {
    const id = await world.addInstance('web-1');
    const created = await boundToken();
    expect((await say(created, INSTALLING)).statusCode).toBe(204);
    expect(await agentOf(id)).toMatchObject({ state: 'installing', reasons: [{ code: 'agent-installing' }] });
    await join(created);
    expect(await agentOf(id)).toMatchObject({ state: 'installing' });
  });

  test('failed, with the code and what was special about it', async () => {
    const id = await world.addInstance('web-1');
    const created = await boundToken();
    await say(created, INSTALLING);
    expect((await say(created, FAILED)).statusCode).toBe(204);
    expect(await agentOf(id)).toMatchObject({
      state: 'install-failed',
      reasons: [
        { code: 'install-disk-full', detail: '20 MB free', message: 'There is not enough space for the agent.' },
      ],
    });
    const changes = await world.auditOf('agent.state');
    expect(changes.map(({ detail, actor }) => [detail, actor])).toEqual([
      [{ from: 'installing', to: 'install-failed' }, `token:${created.id} join web-1`],
      [{ from: 'not-installed', to: 'installing' }, `token:${created.id} join web-1`],
    ]);
  });

  test('failed after it had joined, when no agent ever connected', async () => {
    const id = await world.addInstance('web-1');
    const created = await boundToken();
    await say(created, INSTALLING);
    await join(created);
    await say(created, FAILED);
    expect(await agentOf(id)).toMatchObject({ state: 'install-failed' });
  });

  test('has failed when it is not heard of again, after a restart too', async () => {
    const id = await world.addInstance('web-1');
    await say(await boundToken(), INSTALLING);
    world.services.installs.stop();
    await world.services.installs.resume();
    world.clock.advance(INSTALL_SILENCE_MS_MAX - 1);
    await world.services.settled();
    expect(await agentOf(id)).toMatchObject({ state: 'installing' });
    world.clock.advance(1);
    await world.services.settled();
    expect(await agentOf(id)).toMatchObject({ state: 'install-failed', reasons: [{ code: 'install-timed-out' }] });
  });

  test('fills no audit by saying the same again', async () => {
    await world.addInstance('web-1');
    const created = await boundToken();
    for (let times = 0; times < 5; times += 1) await say(created, FAILED);
    expect(await world.auditOf('agent.state')).toHaveLength(1);
  });
});

describe('nobody makes an instance look otherwise than it is', () => {
  test('with the token of another instance that is not installed', async () => {
    const other = await world.addInstance('db-1');
    await world.addInstance('web-1');
    await say(await boundToken('web-1'), FAILED);
    expect(await agentOf(other)).toMatchObject({ state: 'not-installed', reasons: [] });
  });

  test.each([INSTALLING, FAILED])('with a used token, once its agent has been heard of: %j', async (said) => {
    const id = await world.addInstance('web-1');
    const created = await boundToken();
    await join(created);
    const change = { agentState: 'running', connectedSince: world.clock.now(), lastSeenAt: world.clock.now() } as const;
    await world.store.transaction((tx) => tx.instances.update(id, change));
    await say(created, said);
    expect(await agentOf(id)).toMatchObject({ state: 'running', reasons: [] });
    await world.store.transaction((tx) => tx.instances.update(id, { agentState: 'offline', connectedSince: null }));
    await say(created, said);
    expect(await agentOf(id)).toMatchObject({ state: 'offline', reasons: [] });
  });

  test('with a token that may replace the identity, while the agent is connected', async () => {
    const id = await world.addInstance('web-1');
    await join(await boundToken());
    const created = await boundToken('web-1', { reEnrol: true });
    await world.store.transaction((tx) => tx.instances.update(id, { agentState: 'running', connectedSince: 1 }));
    await say(created, INSTALLING);
    expect(await agentOf(id)).toMatchObject({ state: 'running' });
    await world.store.transaction((tx) => tx.instances.update(id, { agentState: 'offline', connectedSince: null }));
    await say(created, INSTALLING);
    expect(await agentOf(id)).toMatchObject({ state: 'installing' });
  });

  test('with a used token that replaced the identity, once the new agent has been heard of', async () => {
    const id = await world.addInstance('web-1');
    await join(await boundToken());
    const created = await boundToken('web-1', { reEnrol: true });
    await join(created);
    await world.store.transaction((tx) => tx.instances.update(id, { agentState: 'offline', lastSeenAt: 1 }));
    for (const said of [INSTALLING, FAILED]) await say(created, said);
    expect(await agentOf(id)).toMatchObject({ state: 'offline', reasons: [] });
  });

  test('with a token from before it was moved to another project', async () => {
    const id = await world.addInstance('web-1');
    const created = await boundToken();
    await world.call('PUT', '/api/v1/projects/other/service', { body: { enabled: false } });
    const moved = await world.call('PATCH', `/api/v1/instances/${id}`, { body: { project: 'other' } });
    expect(moved.statusCode, moved.body).toBe(200);
    await say(created, FAILED);
    expect(await agentOf(id)).toMatchObject({ state: 'not-installed' });
  });

  test('with a fence that would be hidden', async () => {
    const id = await world.addInstance('web-1');
    const created = await boundToken();
    await world.store.transaction((tx) => tx.instances.update(id, { agentState: 'abnormal', fencedAt: 1 }));
    await say(created, INSTALLING);
    expect(await agentOf(id)).toMatchObject({ state: 'abnormal', reasons: [{ code: 'identity-cloned' }] });
  });

  test('with a wrong secret, a revoked token, an expired one, or a token of the API', async () => {
    const id = await world.addInstance('web-1');
    const created = await boundToken();
    expectError(await say(created, INSTALLING, randomSecret()), 401, 'join-token-invalid');
    expectError(await say(created, { ...INSTALLING, tokenId: id }), 401, 'join-token-invalid');
    await world.call('DELETE', `/api/v1/tokens/${created.id}`);
    expectError(await say(created, INSTALLING), 401, 'join-token-invalid');
    const late = await boundToken();
    world.clock.advance(3_600_000);
    expectError(await say(late, INSTALLING), 401, 'join-token-expired');
    const [, apiId, apiSecret] = /^lk_(.{36})_(.{43})$/.exec(world.administrator) ?? [];
    const body = { ...INSTALLING, tokenId: apiId, secret: apiSecret };
    expectError(await world.call('POST', PROGRESS, { token: null, body }), 401, 'join-token-invalid');
    expect(await agentOf(id)).toMatchObject({ state: 'not-installed' });
    expect(await world.auditOf('agent.state')).toEqual([]);
  });
});

test('a token for no instance in particular shows nothing, and its failures are counted', async () => {
  const created = await world.createToken({ type: 'join', uses: 5 });
  expect((await say(created, INSTALLING)).statusCode).toBe(204);
  for (let times = 0; times < 3; times += 1) expect((await say(created, FAILED)).statusCode).toBe(204);
  const records = await world.auditOf('agent.install');
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({ code: 'install-disk-full' });
});

test.each([
  { ...FAILED, code: 'identity-cloned' },
  { ...FAILED, detail: 'a\u001b[31mb' },
  { ...FAILED, detail: 'x'.repeat(301) },
  { ...INSTALLING, code: 'install-disk-full' },
  { state: 'running' },
  { ...INSTALLING, extra: 1 },
])('what is none of the things that can be said is refused: %j', async (said) => {
  await world.addInstance('web-1');
  expectError(await say(await boundToken(), said), 400, 'body-malformed');
});
