import { randomUUID } from 'node:crypto';
import {
  API_PREFIX,
  CLAIM_CHARS_MAX,
  DETAIL_CHARS_MAX,
  fromBase64Url,
  Order,
  parseJoinToken,
  parseJsonBytes,
  type InstanceId,
} from '#protocol';
import { describe, expect, test } from 'vitest';
import { TalkingAgent, type Says } from '../../support/console-agents.ts';
import { openCoreWorld, type CoreWorld } from '../../support/core-world.ts';
import { newIdentity, until } from '../../support/fake-agent.ts';
import { application, expectError, HttpWorld } from '../../support/http-world.ts';

/**
 * Words that would do something to a terminal or a page that shows them are not let in, wherever a peer or an operator may
 * say something that is shown. What is printable is let in, whatever it says: `e2e/console-hostile.long.test.ts` shows what becomes of
 * it.
 */
const HOSTILE: readonly (readonly [string, string])[] = [
  ['an escape sequence', '\u001b]0;owned\u0007\u001b[31m'],
  ['a C1 control', '\u009b31m'],
  ['a line break', 'one\r\ntwo'],
  ['a mark that turns text around', '\u202egnp.exe'],
  ['an isolate that is not closed', '\u2067abc'],
  ['a space without width', 'ad\u200bmin'],
  ['half a character', 'x\ud800'],
];
const CLAIMS = ['hostname', 'osVersion', 'kernel', 'architecture', 'bootId'] as const;

async function connect(world: CoreWorld, says: Says): Promise<TalkingAgent> {
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('hostile', identity);
  const agent = new TalkingAgent(identity, (connection) => world.core.accept(connection), says);
  agent.hello();
  return agent;
}

/** Everything that is kept of it. */
async function kept(world: CoreWorld, { identity }: TalkingAgent): Promise<string> {
  return JSON.stringify(await world.store.read.instances.get(identity.instanceId));
}

describe.each(HOSTILE)('%s is refused', (_, text) => {
  test.each(CLAIMS)('as the %s of an agent, and its session with it', async (claim) => {
    await using world = await openCoreWorld();
    const agent = await connect(world, { facts: { [claim]: text } });
    expect(await until(() => agent.closedFor)).toBe('frame-malformed');
    expect(await kept(world, agent)).not.toContain(JSON.stringify(text).slice(1, -1));
  });

  test('as the version of an agent', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, { agentVersion: text });
    expect(await until(() => agent.closedFor)).toBe('frame-malformed');
    expect(await kept(world, agent)).not.toContain(JSON.stringify(text).slice(1, -1));
  });

  test('as the detail of a component of health', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, { healthDetail: text });
    expect(await until(() => agent.closedFor)).toBe('frame-malformed');
    expect(await kept(world, agent)).not.toContain(JSON.stringify(text).slice(1, -1));
  });

  test('as the detail of a result, which is then none', async () => {
    await using world = await openCoreWorld();
    const agent = await connect(world, { resultDetail: text });
    await until(async () => {
      const instance = await world.store.read.instances.get(agent.identity.instanceId);
      return instance?.agentState === 'running' ? true : null;
    });
    const reset = await world.start(await world.plan({ targets: { instances: ['hostile'] } }));
    await agent.frame('order');
    const refused = () => world.store.read.audit.list({ action: 'result.refused' }, { limit: 10, after: null });
    await until(async () => ((await refused()).rows[0]?.code === 'result-malformed' ? true : null));
    const order = parseJsonBytes(Order, fromBase64Url((await agent.frame('order')).order.bytes));
    if (!order.ok) throw new Error('the control plane sent a bad order');
    const task = await world.store.read.tasks.get(order.body.taskId);
    expect(task).toMatchObject({ resetId: reset.id, state: 'running', result: null });
  });

  test('as what a host says of itself when it joins, and as its name', async () => {
    await using world = await HttpWorld.open();
    const { token } = await world.createToken({ type: 'join', uses: 10 });
    const join = async (change: object) => {
      const { request, ...rest } = await application(token, { signed: change });
      return world.call('POST', `${API_PREFIX}/agents/enroll`, { token: null, body: { ...rest, request } });
    };
    for (const change of [{ hostname: text }, { agentVersion: text }, { name: text }]) {
      expectError(await join(change), 401, 'enrolment-proof-invalid');
    }
    expect((await world.call('GET', `${API_PREFIX}/instances`)).json()).toMatchObject({ items: [] });
  });

  test('as the reason of an installer, and as what operators name and note', async () => {
    await using world = await HttpWorld.open();
    await world.addInstance('web-1');
    const { token } = await world.createToken({ type: 'join', instance: 'web-1' });
    const parsed = parseJoinToken(token);
    if (parsed === null) throw new Error('no join token');
    const said = { tokenId: parsed.id, secret: parsed.secret, state: 'install-failed', code: 'install-not-root' };
    const refused: readonly (readonly [string, string, object])[] = [
      ['POST', '/agents/install-progress', { ...said, detail: text }],
      ['POST', '/instances', { name: text, os: 'linux' }],
      ['POST', '/instances', { name: 'web-2', os: 'linux', tags: { zone: text } }],
      ['POST', '/instances', { name: 'web-2', os: 'linux', tags: { [text]: 'a' } }],
      ['POST', '/instances', { name: 'web-2', os: 'linux', project: text }],
      ['POST', '/instances/import', { instances: [{ name: 'web-2', os: 'linux', tags: { zone: text } }] }],
      ['PATCH', '/instances/web-1', { name: text }],
      ['PATCH', '/instances/web-1', { tags: { zone: text } }],
      ['POST', '/tokens', { type: 'api', name: text, role: 'viewer' }],
      ['POST', '/resets/plan', { targets: { instances: ['web-1'] }, account: text }],
    ];
    for (const [method, path, body] of refused) {
      const reply = await world.call(method, `${API_PREFIX}${path}`, { body });
      expect(reply.statusCode, `${method} ${path}: ${reply.body}`).toBe(400);
      expect(reply.json()).toMatchObject({ code: 'body-malformed' });
    }
    expect((await world.call('GET', `${API_PREFIX}/instances/web-1`)).json()).toMatchObject({ tags: {} });
  });
});

test('what is printable is let in up to its length, and not beyond', async () => {
  await using world = await openCoreWorld();
  for (const says of [
    { facts: { hostname: 'x'.repeat(CLAIM_CHARS_MAX + 1) } },
    { agentVersion: 'x'.repeat(CLAIM_CHARS_MAX + 1) },
    { healthDetail: 'x'.repeat(DETAIL_CHARS_MAX + 1) },
  ]) {
    await using other = await openCoreWorld();
    const agent = await connect(other, says);
    expect(await until(() => agent.closedFor)).toBe('frame-malformed');
  }
  const markup = '<img src=x onerror=alert(1)>'.padEnd(CLAIM_CHARS_MAX, 'x');
  const agent = await connect(world, { facts: { hostname: markup }, agentVersion: markup, healthDetail: markup });
  await agent.frame('health-request');
  await until(async () => ((await kept(world, agent)).includes(markup) ? true : null));
  expect(agent.closedFor).toBeNull();
});

test('a browser that calls itself something hostile is shown without what would do something', async () => {
  await using world = await HttpWorld.open();
  await world.call('POST', `${API_PREFIX}/console/session`, { headers: { 'user-agent': 'x\u009b31m<b>' } });
  const { items } = (await world.call('GET', `${API_PREFIX}/console/sessions`)).json<{
    items: { browser: string }[];
  }>();
  expect(items.map(({ browser }) => browser)).toEqual(['x\ufffd31m<b>']);
});
