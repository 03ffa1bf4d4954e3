import type { ChangeKind } from '#protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noticingStore } from '../../../../control-plane/server/store/noticing-store.ts';
import { openSqliteStore } from '../../../../control-plane/server/store/sqlite-store.ts';
import type { Repositories, Store } from '../../../../control-plane/server/store/store.ts';
import {
  aConsoleSession,
  anEntry,
  anInstance,
  aReset,
  aTask,
  aToken,
  DEFAULT_PROJECT,
} from '../../../contract/store-records.ts';

let inner: Store;
let store: Store;
let heard: ChangeKind[][];
const [instance, token, reset] = [anInstance(), aToken(), aReset({ requestedAt: null })];
const task = aTask(reset, { instanceId: instance.id });
const session = aConsoleSession(token);

beforeEach(async () => {
  heard = [];
  inner = await openSqliteStore({ path: ':memory:' });
  store = noticingStore(inner, (kinds) => heard.push([...kinds].toSorted()));
  await inner.transaction(async (tx) => {
    await tx.instances.insert(instance);
    await tx.tokens.insert(token);
    await tx.consoleSessions.insert(session);
    await tx.resets.insert(reset, []);
    await tx.tasks.insert([task]);
  });
});
afterEach(() => store.close());

const off = { serviceEnabled: false, statementVersion: null, enabledBy: null, enabledAt: null };

describe('a store that notices says after a transaction that', () => {
  test.each<readonly [ChangeKind, string, (tx: Repositories) => Promise<unknown>]>([
    ['instances', 'an instance was added', (tx) => tx.instances.insert(anInstance())],
    ['instances', 'an instance was changed', (tx) => tx.instances.update(instance.id, { power: 'stopped' })],
    [
      'instances',
      'an instance was changed, if it is as expected',
      (tx) => tx.instances.updateIf(instance.id, instance, { power: 'stopped' }),
    ],
    ['instances', 'an instance was removed', (tx) => tx.instances.delete(anInstance().id)],
    ['instances', 'all are disconnected', (tx) => tx.instances.markAllDisconnected()],
    ['instances', 'a project was added or changed', (tx) => tx.projects.put({ name: DEFAULT_PROJECT, ...off })],
    ['resets', 'a reset was started', (tx) => tx.resets.start(reset.id, { requestedAt: 1, notAfter: 2 })],
    ['resets', 'a reset was paused', (tx) => tx.resets.pause(reset.id, 1)],
    ['resets', 'a reset was stopped', (tx) => tx.resets.stop(reset.id, 1)],
    ['resets', 'a reset is through', (tx) => tx.resets.finish(reset.id, 1)],
    ['resets', 'resets were forgotten', (tx) => tx.resets.deleteFinished(0, { resets: 1, tasks: 1 })],
    ['resets', 'a task changed its state', (tx) => tx.tasks.update(task.id, task.state, { state: 'cancelled' })],
    ['tokens', 'a token was made', (tx) => tx.tokens.insert(aToken())],
    ['tokens', 'a token was revoked', (tx) => tx.tokens.revoke(token.id, 1)],
    ['tokens', 'a join token was used', (tx) => tx.tokens.takeUse(token.id)],
    ['tokens', 'somebody signed in', (tx) => tx.consoleSessions.insert(aConsoleSession(token))],
    ['tokens', 'a session was ended', (tx) => tx.consoleSessions.revoke(session.id, 1)],
  ])('%s have changed when %s', async (kind, _what, change) => {
    await store.transaction(change);
    expect(heard).toEqual([[kind]]);
  });

  test('several kinds have changed, once', async () => {
    await store.transaction(async (tx) => {
      await tx.instances.update(instance.id, { power: 'stopped' });
      await tx.tokens.insert(aToken());
      await tx.tokens.insert(aToken());
    });
    expect(heard).toEqual([['instances', 'tokens']]);
  });
});

describe('a store that notices says nothing', () => {
  test('of a transaction that only reads, or writes what nobody watches', async () => {
    await store.transaction(async (tx) => {
      await tx.instances.get(instance.id);
      await tx.audit.append(anEntry());
      // Else every request of everybody would have every page ask again.
      await tx.tokens.touch(token.id, 1);
      await tx.consoleSessions.touch(session.id, 1);
    });
    expect(heard).toEqual([]);
  });

  test('of one that was undone', async () => {
    const undone = store.transaction(async (tx) => {
      await tx.instances.delete(instance.id);
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    expect(heard).toEqual([]);
    expect(await store.read.instances.get(instance.id)).not.toBeNull();
  });
});
