import { API_PREFIX, ConsoleSignIn, CSRF_HEADER, Overview, type AgentState } from '#protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { anInstance, aReset, aTask } from '../../contract/store-records.ts';
import { EventFollower } from '../../support/event-follower.ts';
import { HttpWorld, PUBLIC_ORIGIN } from '../../support/http-world.ts';
import { listen } from '../../support/raw-http.ts';

const DAY_MS = 24 * 3_600_000;

let world: HttpWorld;
beforeEach(async () => {
  world = await HttpWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const overview = async (token?: string) => {
  const reply = await world.call('GET', `${API_PREFIX}/overview`, token === undefined ? {} : { token });
  expect(reply.statusCode, reply.body).toBe(200);
  return Overview.parse(reply.json());
};

async function fleet() {
  const project = await world.addProject('mine');
  const states: AgentState[] = ['running', 'running', 'offline', 'abnormal', 'install-failed', 'not-installed'];
  const instances = states.map((agentState, index) =>
    anInstance({ agentState, agentVersion: index < 4 ? '0.1.0' : null, ...(index % 2 === 0 ? { project } : {}) }),
  );
  await world.store.transaction(async (tx) => {
    for (const instance of instances) await tx.instances.insert(instance);
    const entry = { actor: 'system', decision: null, rule: null, code: 'liveness-missed' };
    for (const { id } of instances.slice(0, 3)) {
      const detail = { from: 'running', to: 'offline' };
      await tx.audit.append({
        ...entry,
        action: 'agent.state',
        at: world.clock.now(),
        resource: `instance:${id}`,
        detail,
      });
    }
  });
  return { project, instances };
}

describe('the overview', () => {
  test('counts, names what needs attention, the broken first, and says what changed', async () => {
    const { instances } = await fleet();
    const seen = await overview();
    expect(seen.agents).toMatchObject({ running: 2, offline: 1, abnormal: 1, 'install-failed': 1, 'not-installed': 1 });
    expect(seen.versions).toEqual([
      { version: '0.1.0', instances: 4 },
      { version: null, instances: 2 },
    ]);
    expect(seen.attention.total).toBe(3);
    expect(seen.controlPlane).toMatchObject({ version: '0.1.0', residentBytes: 1 });
    expect(seen.attention.items.map(({ agent }) => agent.state)).toEqual(['abnormal', 'install-failed', 'offline']);
    expect(seen.changes).toHaveLength(3);
    expect(seen.changes[0]).toMatchObject({ instance: instances[2]?.name, to: 'offline', code: 'liveness-missed' });
  });

  test('shows a token of one project that project alone', async () => {
    const { project } = await fleet();
    const seen = await overview(await world.tokenOf('viewer', { projects: [project] }));
    expect(seen.agents).toMatchObject({ running: 1, offline: 1, abnormal: 0, 'install-failed': 1 });
    expect(seen.attention.total).toBe(2);
    expect(seen.changes).toHaveLength(2);
    expect(seen.versions.reduce((sum, { instances }) => sum + instances, 0)).toBe(3);
  });

  test('counts the resets of the last days by how they ended', async () => {
    const now = world.clock.now();
    const [instance] = (await fleet()).instances;
    const reset = aReset({ requestedAt: now, notAfter: now });
    const ended = [
      ['succeeded', 0],
      ['succeeded', 0],
      ['failed', 0],
      ['outcome-unknown', 1],
      ['cancelled', 1],
      ['succeeded', 20],
    ] as const;
    await world.store.transaction(async (tx) => {
      await tx.resets.insert(reset, []);
      for (const [index, [state, daysAgo]] of ended.entries()) {
        const account = `a${String(index)}`;
        const updatedAt = now - daysAgo * DAY_MS;
        const { id: instanceId } = instance ?? anInstance();
        await tx.tasks.insert([aTask(reset, { instanceId, account: account as never, state, updatedAt })]);
      }
    });
    const { resets } = await overview();
    expect(resets).toHaveLength(14);
    expect(resets.at(-1)).toMatchObject({ succeeded: 2, failed: 1, unknown: 0 });
    expect(resets.at(-2)).toMatchObject({ succeeded: 0, failed: 1, unknown: 1 });
    expect(resets.reduce((sum, day) => sum + day.succeeded, 0)).toBe(2);
  });
});

describe('who watches the whole', () => {
  const PATH = `${API_PREFIX}/changes`;
  const when = (is: () => boolean) => vi.waitFor(() => expect(is()).toBe(true), { timeout: 5_000, interval: 2 });

  test('is told that something has changed, once for all that happens within a second', async () => {
    const headers = { authorization: `Bearer ${world.administrator}` };
    const follower = await EventFollower.open(await listen(world.app), PATH, headers);
    await when(() => follower.text.includes('retry:'));
    world.changes.changed(['instances']);
    await when(() => follower.eventsOf('changed').length === 1);
    world.changes.changed(['resets']);
    world.changes.changed(['instances', 'resets']);
    world.clock.advance(1_000);
    await when(() => follower.eventsOf('changed').length === 2);
    expect(follower.eventsOf('changed')).toEqual([{ changed: ['instances'] }, { changed: ['resets', 'instances'] }]);
    follower.hangUp();
  });

  test('by a session hears no more as soon as it is ended', async () => {
    const signedIn = await world.call('POST', `${API_PREFIX}/console/session`);
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? '';
    const { session, csrfToken } = ConsoleSignIn.parse(signedIn.json());
    const follower = await EventFollower.open(await listen(world.app), PATH, { cookie });
    expect(follower.status).toBe(200);
    await when(() => follower.text.includes('retry:'));
    const reply = await world.call('DELETE', `${API_PREFIX}/console/sessions/${session.id}`, {
      token: null,
      headers: { cookie, origin: PUBLIC_ORIGIN, [CSRF_HEADER]: csrfToken },
    });
    expect(reply.statusCode).toBe(204);
    await when(() => follower.ended);
  });

  test('by a session hears no more when its token is revoked', async () => {
    const { id, token } = await world.createToken({ type: 'api', name: 'anna', role: 'viewer' });
    const signedIn = await world.call('POST', `${API_PREFIX}/console/session`, { token });
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? '';
    const follower = await EventFollower.open(await listen(world.app), PATH, { cookie });
    await when(() => follower.text.includes('retry:'));
    await world.call('DELETE', `${API_PREFIX}/tokens/${id}`);
    await when(() => follower.ended);
  });
});

describe('instances are sorted', () => {
  const names = async (query: string) => {
    const all: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const reply = await world.call('GET', `${API_PREFIX}/instances?limit=2&${query}${after}`);
      expect(reply.statusCode, reply.body).toBe(200);
      const page = reply.json<{ items: { name: string }[]; nextCursor: string | null }>();
      all.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    }
    return all;
  };

  test('by any of the keys, both ways, over all pages, and counted', async () => {
    const rows = [
      ['c', 'running', 30, '0.2.0'],
      ['a', 'offline', 10, '0.1.0'],
      ['e', 'abnormal', 20, '0.1.0'],
      ['b', 'running', null, null],
      ['d', 'running', 20, '0.2.0'],
    ] as const;
    await world.store.transaction(async (tx) => {
      for (const [name, agentState, lastSeenAt, agentVersion] of rows) {
        await tx.instances.insert(anInstance({ name: name as never, agentState, lastSeenAt, agentVersion }));
      }
    });
    expect(await names('')).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await names('sort=name&order=desc')).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect(await names('sort=state')).toEqual(['e', 'a', 'b', 'c', 'd']);
    expect(await names('sort=lastSeenAt&order=desc')).toEqual(['c', 'e', 'd', 'a', 'b']);
    expect(await names('sort=version')).toEqual(['b', 'a', 'e', 'c', 'd']);
    expect(await names('version=0.2.0')).toEqual(['c', 'd']);
    const counted = await world.call('GET', `${API_PREFIX}/instances?limit=1&count=true&state=running`);
    expect(counted.json()).toMatchObject({ total: 3 });
    const uncounted = await world.call('GET', `${API_PREFIX}/instances?limit=1`);
    expect(uncounted.json()).not.toHaveProperty('total');
  });

  test('with the newest reset of each, where it is asked for', async () => {
    const [one, two] = [anInstance({ name: 'one' as never }), anInstance({ name: 'two' as never })];
    const reset = aReset({ requestedAt: 5, notAfter: 9 });
    await world.store.transaction(async (tx) => {
      await tx.instances.insert(one);
      await tx.instances.insert(two);
      await tx.resets.insert(reset, []);
      const task = { instanceId: one.id, account: 'alice' as never };
      await tx.tasks.insert([
        aTask(reset, { ...task, state: 'failed', requestedAt: 1, updatedAt: 2 }),
        aTask(reset, { ...task, state: 'succeeded', requestedAt: 3, updatedAt: 4 }),
      ]);
    });
    const reply = await world.call('GET', `${API_PREFIX}/instances?lastReset=true`);
    const { items } = reply.json<{ items: { name: string; lastReset: unknown }[] }>();
    expect(items.map(({ lastReset }) => lastReset)).toEqual([
      { resetId: reset.id, state: 'succeeded', account: 'alice', at: 4 },
      null,
    ]);
  });

  test('a cursor of one order is none of another', async () => {
    for (const name of ['a', 'b', 'c']) await world.addInstance(name);
    const page = await world.call('GET', `${API_PREFIX}/instances?limit=1&sort=state`);
    const { nextCursor } = page.json<{ nextCursor: string }>();
    const reply = await world.call('GET', `${API_PREFIX}/instances?limit=1&sort=name&cursor=${nextCursor}`);
    expect(reply.statusCode).toBe(400);
  });
});
