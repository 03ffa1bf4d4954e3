import { expect, test } from 'vitest';

import { InstanceName, ProjectName, RID_500 } from '#protocol';
import { allPages, expectAlienCursorsRefused } from './store-paging.ts';
import { anInstance, ROOT, someDigest, someInstanceId, someThumbprint } from './store-records.ts';
import type { StoreFixture } from './store-harness.ts';

const name = (text: string) => InstanceName.parse(text);
const bare = {
  identityKey: null,
  identity: null,
  sealingKey: null,
  continuityCurrent: null,
  continuityPrevious: null,
  fencedAt: null,
  agentVersion: null,
  facts: null,
  components: {},
  reasons: [],
  connectedSince: null,
  lastSeenAt: null,
  tags: {},
} as const;

export function instancePromises(fixture: () => StoreFixture): void {
  const insert = async (...instances: ReturnType<typeof anInstance>[]) =>
    fixture().store.transaction(async (tx) => {
      for (const instance of instances) await tx.instances.insert(instance);
    });
  const names = async (filter: Parameters<StoreFixture['store']['read']['instances']['list']>[0]) => {
    const { rows } = await fixture().store.read.instances.list(filter, { limit: 100, after: null });
    return rows.map((row) => row.name);
  };

  test('gives back every field as it was, full or empty', async () => {
    const [full, empty] = [anInstance(), anInstance(bare)];
    await insert(full, empty);
    const { instances } = fixture().store.read;
    expect(await instances.get(full.id)).toEqual(full);
    expect(await instances.get(empty.id)).toEqual(empty);
    expect(await instances.byName(full.name)).toEqual(full);
    expect(await instances.byIdentity(full.identity ?? someThumbprint())).toEqual(full);
    expect(await instances.byIdentity(someThumbprint())).toBeNull();
    expect(await instances.get(someInstanceId())).toBeNull();
  });

  test('finds many by id or name, and leaves out the unknown', async () => {
    const all = Array.from({ length: 1_500 }, () => anInstance({ ...bare }));
    await insert(...all);
    const { instances } = fixture().store.read;
    const byId = await instances.getMany([...all.map(({ id }) => id), someInstanceId()]);
    expect(new Set(byId.map(({ id }) => id))).toEqual(new Set(all.map(({ id }) => id)));
    const byNames = await instances.byNames([...all.slice(0, 3).map((row) => row.name), name('unknown')]);
    expect(byNames).toHaveLength(3);
    expect(await instances.getMany([])).toEqual([]);
  });

  test('refuses a second instance of one name or one identity', async () => {
    const first = anInstance();
    await insert(first);
    await expect(insert(anInstance({ name: first.name }))).rejects.toThrow();
    await expect(insert(anInstance({ identity: first.identity }))).rejects.toThrow();
    await insert(anInstance({ identity: null }), anInstance({ identity: null }));
  });

  test('lists by name, in pages, also while rows come and go', async () => {
    const sorted = ['a', 'a-1', 'a.1', 'b', 'c', 'd', 'e'].map((text) => anInstance({ name: name(text) }));
    await insert(...[...sorted].reverse());
    const { store } = fixture();
    const listed = await allPages((page) => store.read.instances.list({}, page), 3);
    expect(listed.map((row) => row.name)).toEqual(['a', 'a-1', 'a.1', 'b', 'c', 'd', 'e']);

    const first = await store.read.instances.list({}, { limit: 4, after: null });
    await store.transaction(async (tx) => {
      await tx.instances.delete(first.rows[0]?.id ?? someInstanceId());
      await tx.instances.insert(anInstance({ name: name('0-new') }));
    });
    const second = await store.read.instances.list({}, { limit: 4, after: first.next });
    expect(second.rows.map((row) => row.name)).toEqual(['c', 'd', 'e']);
    expect(second.next).toBeNull();
    await expectAlienCursorsRefused((page) => store.read.instances.list({}, page));
  });

  test('filters by name, id, project, system, state, tags and a part of the name', async () => {
    const other = ProjectName.parse('other');
    const web = anInstance({ name: name('web_1'), tags: { role: 'web', site: 'north' }, agentState: 'running' });
    const db = anInstance({ name: name('db-1'), tags: { role: 'db', site: 'north' }, agentState: 'offline' });
    const win = anInstance({ name: name('webx1'), os: 'windows', project: other, tags: {}, agentState: 'abnormal' });
    await insert(web, db, win);
    expect(await names({ name: 'db-1' })).toEqual(['db-1']);
    expect(await names({ name: web.id })).toEqual(['web_1']);
    expect(await names({ projects: [other] })).toEqual(['webx1']);
    expect(await names({ projects: [] })).toEqual([]);
    expect(await names({ os: 'linux' })).toEqual(['db-1', 'web_1']);
    expect(await names({ state: 'abnormal' })).toEqual(['webx1']);
    expect(await names({ tags: [{ key: 'site', value: 'north' }] })).toEqual(['db-1', 'web_1']);
    const both = [
      { key: 'site', value: 'north' },
      { key: 'role', value: 'db' },
    ];
    expect(await names({ tags: both })).toEqual(['db-1']);
    expect(await names({ tags: [{ key: 'role', value: 'north' }] })).toEqual([]);
    expect(await names({ search: 'WEB' })).toEqual(['web_1', 'webx1']);
    expect(await names({ search: 'b_1' }), 'no wildcard').toEqual(['web_1']);
    expect(await names({ search: '%' }), 'no wildcard').toEqual([]);
    expect(await names({ search: '\\' }), 'no escape').toEqual([]);
  });

  test('changes only what is named, and finds by the new tags alone', async () => {
    const instance = anInstance();
    await insert(instance);
    const change = { tags: { role: 'db' }, power: 'stopped', continuityCurrent: someDigest(), facts: null } as const;
    const { store } = fixture();
    await store.transaction(async (tx) => {
      await tx.instances.update(instance.id, change);
      await tx.instances.update(instance.id, {});
      await tx.instances.update(someInstanceId(), { tags: { role: 'ghost' } });
    });
    expect(await store.read.instances.get(instance.id)).toEqual({ ...instance, ...change });
    expect(await names({ tags: [{ key: 'role', value: 'web' }] })).toEqual([]);
    expect(await names({ tags: [{ key: 'role', value: 'db' }] })).toEqual([instance.name]);
  });

  test('reads some fields of it and no others', async () => {
    const [full, empty] = [anInstance(), anInstance(bare)];
    await insert(full, empty);
    const { instances } = fixture().store.read;
    const { tags, sealingKey, fencedAt, facts } = full;
    const fields = ['tags', 'sealingKey', 'fencedAt', 'facts'] as const;
    expect(await instances.getPart(full.id, fields)).toEqual({ tags, sealingKey, fencedAt, facts });
    const nothing = { tags: {}, sealingKey: null, fencedAt: null, facts: null };
    expect(await instances.getPart(empty.id, fields)).toEqual(nothing);
    expect(await instances.getPart(someInstanceId(), fields)).toBeNull();
    const parts = await instances.getParts([full.id, someInstanceId()], fields);
    expect(parts).toEqual([{ tags, sealingKey, fencedAt, facts }]);
    expect(await instances.getParts([], fields)).toEqual([]);
  });

  test.each([
    { identity: someThumbprint() },
    { identity: null },
    { continuityCurrent: someDigest() },
    { continuityCurrent: null },
    { continuityPrevious: someDigest() },
    { continuityPrevious: null },
    { fencedAt: 1 },
  ])('changes nothing where it is not as expected any more: $0', async (other) => {
    const known = { continuityCurrent: someDigest(), continuityPrevious: someDigest(), fencedAt: null };
    const [instance, empty] = [anInstance(known), anInstance(bare)];
    await insert(instance, empty);
    const change = { tags: { role: 'db' }, power: 'stopped', continuityCurrent: someDigest() } as const;
    const { store } = fixture();
    const tried = await store.transaction(async (tx) => [
      await tx.instances.updateIf(instance.id, { ...instance, ...other }, change),
      await tx.instances.updateIf(someInstanceId(), instance, change),
    ]);
    expect(tried).toEqual([false, false]);
    expect(await store.read.instances.get(instance.id)).toEqual(instance);
    expect(await names({ tags: [{ key: 'role', value: 'db' }] })).toEqual([]);
    const asExpected = await store.transaction(async (tx) => [
      await tx.instances.updateIf(instance.id, instance, change),
      await tx.instances.updateIf(empty.id, empty, change),
    ]);
    expect(asExpected).toEqual([true, true]);
    expect(await store.read.instances.get(instance.id)).toEqual({ ...instance, ...change });
    expect(await names({ tags: [{ key: 'role', value: 'db' }] })).toHaveLength(2);
  });

  test('counts by state, also the states that none is in', async () => {
    await insert(anInstance({ agentState: 'offline' }), anInstance({ agentState: 'offline' }), anInstance());
    expect(await fixture().store.read.instances.countsByState()).toEqual({
      'not-installed': 0,
      installing: 0,
      'install-failed': 0,
      running: 1,
      offline: 2,
      abnormal: 0,
    });
  });

  test('takes everybody for disconnected at start, except who is fenced', async () => {
    const free = { fencedAt: null };
    const [running, fresh] = [anInstance(free), anInstance({ ...free, agentState: 'not-installed' })];
    const fenced = anInstance({ agentState: 'abnormal' });
    await insert(running, fresh, fenced);
    const { store } = fixture();
    await store.transaction((tx) => tx.instances.markAllDisconnected());
    const stateOf = async ({ id }: { id: typeof running.id }) => (await store.read.instances.get(id))?.agentState;
    expect(await stateOf(running)).toBe('offline');
    expect(await stateOf(fresh)).toBe('not-installed');
    expect(await stateOf(fenced)).toBe('abnormal');
  });

  test('remembers the highest generation of each account and never a lower one', async () => {
    const instance = anInstance();
    await insert(instance);
    const { store } = fixture();
    await store.transaction(async (tx) => {
      expect(await tx.generations.highest(instance.id, ROOT)).toBe(0);
      await tx.generations.raise(instance.id, ROOT, 7);
      await tx.generations.raise(instance.id, ROOT, 3);
      await tx.generations.raise(instance.id, RID_500, 1);
    });
    expect(await store.read.generations.highest(instance.id, ROOT)).toBe(7);
    expect(await store.read.generations.highest(instance.id, RID_500)).toBe(1);
    await store.transaction((tx) => tx.instances.delete(instance.id));
    expect(await store.read.instances.get(instance.id)).toBeNull();
    expect(await store.read.generations.highest(instance.id, ROOT)).toBe(0);
  });
}
