import { Instance, InstanceName, InstancePage, ProjectName, type ComponentMap, type InstanceId } from '#protocol';
import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../../control-plane/server/runtime.ts';
import { newInstance } from '../../../control-plane/server/service/instance-service.ts';
import { viewOfInstance } from '../../../control-plane/server/service/instance-view.ts';
import { aReset, aTask } from '../../contract/store-records.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { expectError, HttpWorld } from '../../support/http-world.ts';

const PATH = '/api/v1/instances';

async function names(world: HttpWorld, query = '', token?: string): Promise<string[]> {
  const reply = await world.call('GET', `${PATH}${query}`, token === undefined ? {} : { token });
  expect(reply.statusCode, reply.body).toBe(200);
  return InstancePage.parse(reply.json()).items.map(({ name }) => name);
}

describe('instances', () => {
  test('are added, found by name and by id, filtered, paged', async () => {
    await using world = await HttpWorld.open();
    const body = { name: 'web-1', os: 'linux', tags: { role: 'web', 'a/b': 'x=y' } };
    const added = await world.call('POST', PATH, { body });
    expect(added.statusCode).toBe(201);
    const { id, agent } = added.json<Instance>();
    expect(agent).toMatchObject({ state: 'not-installed', reasons: [], identityKey: null });
    await world.addInstance('web-2');
    await world.addInstance('db.example', 'default', 'windows');
    for (const key of [id, 'web-1']) {
      expect((await world.call('GET', `${PATH}/${key}`)).json()).toMatchObject({ id, name: 'web-1' });
    }
    expect(await names(world)).toEqual(['db.example', 'web-1', 'web-2']);
    expect(await names(world, '?search=web')).toEqual(['web-1', 'web-2']);
    expect(await names(world, '?os=windows')).toEqual(['db.example']);
    expect(await names(world, '?tag=role%3Dweb&tag=a%2Fb%3Dx%3Dy')).toEqual(['web-1']);
    expect(await names(world, '?tag=role%3Ddb')).toEqual([]);
    expect(await names(world, '?name=web-2')).toEqual(['web-2']);
    expect(await names(world, '?state=running')).toEqual([]);
    const page = InstancePage.parse((await world.call('GET', `${PATH}?limit=2`)).json());
    expect(page.items.map(({ name }) => name)).toEqual(['db.example', 'web-1']);
    expect(await names(world, `?limit=2&cursor=${encodeURIComponent(page.nextCursor ?? '')}`)).toEqual(['web-2']);
  });

  test('have names of their own, and projects that somebody made', async () => {
    await using world = await HttpWorld.open();
    await world.addInstance('one');
    const taken = await world.call('POST', PATH, { body: { name: 'one', os: 'linux' } });
    expect(expectError(taken, 409, 'instance-name-taken').details).toMatchObject([{ subject: 'one' }]);
    const nowhere = await world.call('POST', PATH, { body: { name: 'two', os: 'linux', project: 'absent' } });
    expectError(nowhere, 404, 'project-not-found');
  });

  test('are imported all or none, with every name that is taken', async () => {
    await using world = await HttpWorld.open();
    await world.addInstance('b');
    const instances = (...list: string[]) => ({ body: { instances: list.map((name) => ({ name, os: 'linux' })) } });
    const refused = await world.call('POST', `${PATH}/import`, instances('a', 'b', 'c', 'c'));
    const { details } = expectError(refused, 409, 'instance-name-taken');
    expect(details.map(({ subject }) => subject)).toEqual(['b', 'c']);
    expect(await names(world)).toEqual(['b']);
    const imported = await world.call('POST', `${PATH}/import`, instances('a', 'c'));
    expect([imported.statusCode, imported.json()]).toEqual([201, { added: 2 }]);
    expect(await names(world)).toEqual(['a', 'b', 'c']);
    expect(await world.auditOf('instance.add')).toHaveLength(3);
  });

  test('are renamed, moved, tagged, and said to be stopped, with a record of it', async () => {
    await using world = await HttpWorld.open();
    const id = await world.addInstance('one');
    await world.addInstance('other');
    await world.addProject('edge');
    const change = (body: object) => world.call('PATCH', `${PATH}/${id}`, { body });
    const changed = await change({ name: 'two', project: 'edge', tags: { a: 'b' }, power: 'stopped' });
    expect(changed.json()).toMatchObject({ name: 'two', project: 'edge', tags: { a: 'b' }, power: 'stopped' });
    expect((await change({ name: 'two' })).statusCode).toBe(200);
    expectError(await change({ name: 'other' }), 409, 'instance-name-taken');
    expectError(await change({ project: 'absent' }), 404, 'project-not-found');
    expectError(await change({ os: 'windows' }), 400, 'body-malformed');
    const records = await world.auditOf('instance.change');
    expect(records.at(-1)).toMatchObject({
      decision: 'allow',
      resource: `instance:${id}`,
      detail: { nameBefore: 'one', name: 'two', projectBefore: 'default', project: 'edge', power: 'stopped', tags: 1 },
    });
  });

  test('are removed with the sessions of their agents, but not in the middle of a reset', async () => {
    await using world = await HttpWorld.open();
    const id = await world.addInstance('one');
    await addTask(world, id);
    expectError(await world.call('DELETE', `${PATH}/one`), 409, 'instance-has-tasks');
    expect(world.closed).toEqual([]);
    const idle = await world.addInstance('two');
    expect((await world.call('DELETE', `${PATH}/two`)).statusCode).toBe(204);
    expect(world.closed).toEqual([{ id: idle, reason: 'proof-invalid' }]);
    expectError(await world.call('GET', `${PATH}/two`), 404, 'instance-not-found');
  });

  test('say that they are fenced, with the remedy', async () => {
    await using world = await HttpWorld.open();
    const id = await world.addInstance('one');
    await world.store.transaction((tx) => tx.instances.update(id, { agentState: 'abnormal', fencedAt: 7 }));
    const { agent } = (await world.call('GET', `${PATH}/one`)).json<Instance>();
    expect(agent).toMatchObject({ state: 'abnormal', reasons: [{ code: 'identity-cloned', since: 7 }] });
    expect(agent.reasons[0]?.remedy).toContain('re-enrol');
  });
});

test('what agents say is shown fit for terminals, whatever the store holds', () => {
  const name = InstanceName.parse('one');
  const project = ProjectName.parse('default');
  const blank = newInstance({ clock: new FakeClock(), random: systemRandom }, { name, os: 'linux', project, tags: {} });
  const facts = {
    os: 'linux',
    hostname: '\u001b[2Jhost',
    osVersion: '\u202eOS',
    kernel: '',
    architecture: '',
  } as const;
  const detail = `/etc/\u0007${'x'.repeat(400)}`;
  const { agent } = viewOfInstance({
    ...blank,
    facts: { ...facts, bootId: '' },
    agentState: 'abnormal',
    agentVersion: '1\u009b0',
    components: { disk: { state: 'failing', code: 'disk-full', detail }, clock: { state: 'ok' } },
    reasons: [{ component: 'disk', code: 'disk-full', detail, since: 5 }],
  });
  expect(agent).toMatchObject({ hostname: '\ufffd[2Jhost', osVersion: '\ufffdOS', version: '1\ufffd0' });
  expect(agent.reasons).toMatchObject([
    { component: 'disk', code: 'disk-full', message: 'The disk is full.', remedy: 'Free some space.', since: 5 },
  ]);
  for (const shown of [agent.reasons[0]?.detail, valueOf(agent.components.disk)]) {
    expect(shown).toMatch(/^\/etc\/\ufffdx+…$/u);
    expect(shown).toHaveLength(300);
  }
  expect(Instance.safeParse({ ...viewOfInstance(blank), agent }).success).toBe(true);
});

const valueOf = (status: ComponentMap['disk']) => (status?.state === 'failing' ? status.detail : null);

describe('an actor of one project', () => {
  async function twoProjects(world: HttpWorld) {
    const [mine] = [await world.addProject('mine'), await world.addProject('theirs')];
    await world.addInstance('near', 'mine');
    const far = await world.addInstance('far', 'theirs');
    const token = await world.tokenOf('administrator', { projects: [mine] });
    return { token, far };
  }

  test('sees the instances of that project alone, however it asks', async () => {
    await using world = await HttpWorld.open();
    const { token } = await twoProjects(world);
    expect(await names(world, '', token)).toEqual(['near']);
    expect(await names(world, '?project=theirs', token)).toEqual([]);
    expect(await names(world, '?name=far', token)).toEqual([]);
    const projects = await world.call('GET', '/api/v1/projects', { token });
    expect(projects.json<{ items: { name: string }[] }>().items.map(({ name }) => name)).toEqual(['mine']);
  });

  test('cannot tell an instance elsewhere from one that is not there', async () => {
    await using world = await HttpWorld.open();
    const { token, far } = await twoProjects(world);
    const absent = '00000000-0000-4000-8000-000000000000';
    for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['DELETE']] as const) {
      const answers = await Promise.all(
        [far, 'far', absent, 'absent'].map(async (id) => {
          const reply = await world.call(method, `${PATH}/${id}`, { token, body });
          return { ...expectError(reply, 404, 'instance-not-found'), requestId: '' };
        }),
      );
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    }
    // Both kinds of attempt at a change leave the same kind of record.
    const records = await world.auditOf('instance.remove');
    expect(records.map(({ resource }) => resource).toSorted()).toEqual(
      [far, 'far', absent, 'absent'].map((id) => `instance:${id}`).toSorted(),
    );
    expect(new Set(records.map(({ rule, code }) => `${String(rule)} ${String(code)}`)).size).toBe(1);
    expect(await names(world)).toEqual(['far', 'near']);
  });

  test('cannot add or move instances to another, whether that exists or not', async () => {
    await using world = await HttpWorld.open();
    const { token } = await twoProjects(world);
    for (const project of ['theirs', 'absent', 'default']) {
      const body = { name: 'new', os: 'linux', project };
      expectError(await world.call('POST', PATH, { token, body }), 403, 'not-authorised');
      expectError(await world.call('PATCH', `${PATH}/near`, { token, body: { project } }), 403, 'not-authorised');
      const service = { token, body: { enabled: false } };
      expectError(await world.call('PUT', `/api/v1/projects/${project}/service`, service), 403, 'not-authorised');
    }
    expect((await world.call('GET', `${PATH}/near`)).json()).toMatchObject({ project: 'mine' });
    expect((await world.auditOf('instance.change')).map(({ decision, rule }) => [decision, rule])).toEqual(
      Array.from({ length: 3 }, () => ['deny', 'project-scope']),
    );
  });
});

describe('the service of a project', () => {
  const enable = (world: HttpWorld, statementVersion: number) =>
    world.call('PUT', '/api/v1/projects/edge/service', { body: { enabled: true, statementVersion } });

  test('is enabled by accepting the statement that is current, and disabled', async () => {
    await using world = await HttpWorld.open();
    const { version, text } = (await world.call('GET', '/api/v1/service-statement')).json<{
      version: number;
      text: string;
    }>();
    expect(text).toMatch(/control plane sees/);
    expectError(await enable(world, version + 1), 409, 'statement-version-mismatch');
    expect(await world.store.read.projects.list()).toEqual([]);
    expect((await enable(world, version)).json()).toMatchObject({
      name: 'edge',
      service: { enabled: true, statementVersion: version, enabledAt: world.clock.now() },
    });
    const off = await world.call('PUT', '/api/v1/projects/edge/service', { body: { enabled: false } });
    expect(off.json()).toMatchObject({ service: { enabled: false, statementVersion: null, enabledBy: null } });
    const list = (await world.call('GET', '/api/v1/projects')).json<{ items: { name: string }[] }>();
    expect(list.items.map(({ name }) => name)).toEqual(['default', 'edge']);
    expect(await world.auditOf('service.change')).toMatchObject([
      { detail: { enabled: false } },
      { detail: { enabled: true } },
    ]);
  });
});

describe('a project', () => {
  const add = (world: HttpWorld, name: string, token?: string) =>
    world.call('POST', '/api/v1/projects', { body: { name }, ...(token === undefined ? {} : { token }) });

  test('is added without the service, and instances can join it', async () => {
    await using world = await HttpWorld.open();
    const reply = await add(world, 'edge');
    expect(reply.statusCode, reply.body).toBe(201);
    expect(reply.json()).toMatchObject({ name: 'edge', service: { enabled: false, enabledBy: null } });
    await world.addInstance('web-1', 'edge');
    expect(await world.auditOf('project.add')).toMatchObject([{ resource: 'project:edge', decision: 'allow' }]);
  });

  test('that is there already is not added again, and its service stays enabled', async () => {
    await using world = await HttpWorld.open();
    const { version } = (await world.call('GET', '/api/v1/service-statement')).json<{ version: number }>();
    const enable = { enabled: true, statementVersion: version };
    await world.call('PUT', '/api/v1/projects/edge/service', { body: enable });
    for (const name of ['edge', 'default']) expectError(await add(world, name), 409, 'project-exists');
    const list = (await world.call('GET', '/api/v1/projects')).json<{ items: unknown[] }>();
    expect(list.items).toMatchObject([
      { name: 'default', service: { enabled: false } },
      { name: 'edge', service: { enabled: true } },
    ]);
    expect(await world.auditOf('project.add')).toEqual([]);
  });

  test('is not added by a token of others, which is recorded', async () => {
    await using world = await HttpWorld.open();
    const token = await world.tokenOf('administrator', { projects: [await world.addProject('mine')] });
    expectError(await add(world, 'edge', token), 403, 'not-authorised');
    expectError(await add(world, 'edge', await world.tokenOf('operator')), 403, 'not-authorised');
    expect((await world.auditOf('project.add')).map(({ decision, rule }) => [decision, rule])).toEqual([
      ['deny', 'default-deny'],
      ['deny', 'project-scope'],
    ]);
  });
});

describe('the audit', () => {
  test('is listed newest first, filtered and paged', async () => {
    await using world = await HttpWorld.open();
    const id = await world.addInstance('one');
    await world.addInstance('two');
    const get = async (query: string) => {
      const reply = await world.call('GET', `/api/v1/audit${query}`);
      return reply.json<{ items: { action: string; resource: string }[]; nextCursor: string | null }>();
    };
    expect((await get('')).items.map(({ action }) => action)).toEqual(['instance.add', 'instance.add', 'token.create']);
    expect((await get(`?resource=instance:${id}`)).items).toHaveLength(1);
    expect((await get('?actor=system')).items).toMatchObject([{ action: 'token.create' }]);
    const first = await get('?limit=1&action=instance.add');
    expect((await get(`?limit=1&action=instance.add&cursor=${first.nextCursor ?? ''}`)).items).toMatchObject([
      { resource: `instance:${id}` },
    ]);
    expectError(await world.call('GET', '/api/v1/audit?cursor=made-up'), 400, 'body-malformed');
  });
});

/** A reset that is on its way to the instance. */
async function addTask(world: HttpWorld, instanceId: InstanceId): Promise<void> {
  const now = world.clock.now();
  const reset = aReset({ requestedAt: now, notAfter: now + 1 });
  await world.store.transaction(async (tx) => {
    await tx.resets.insert(reset, []);
    await tx.tasks.insert([aTask(reset, { instanceId, state: 'pending' })]);
  });
}
