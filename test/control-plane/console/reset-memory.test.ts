import { AccountName, Digest, InstanceId, pinOf, PublicKey, ResetId, type Thumbprint } from '#protocol';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createPins } from '../../../control-plane/console/parts/reset/pins.ts';
import { createSentResets } from '../../../control-plane/console/parts/reset/sent.ts';
import { MemoryStore } from './support/memory-store.ts';

const SERVER = 'https://console.test';
const [A, B] = [InstanceId.parse(randomUUID()), InstanceId.parse(randomUUID())];
const [KEY_A, KEY_B] = ['a'.repeat(43) as Thumbprint, 'b'.repeat(43) as Thumbprint];
const web = pinOf(SERVER, { instanceId: A, name: 'web-1', identity: KEY_A });

describe('identities that this browser remembers', () => {
  test('are there for the next page of it', () => {
    const store = new MemoryStore();
    expect(createPins(store, SERVER).learn([web])).toBe(true);
    expect(createPins(store, SERVER).index().byId.get(A)).toEqual(web);
  });

  test('are never replaced by what is merely seen, only by what a person has compared', () => {
    const pins = createPins(new MemoryStore(), SERVER);
    pins.learn([web]);
    const other = pinOf(SERVER, { instanceId: A, name: 'web-1', identity: KEY_B });
    const sameName = pinOf(SERVER, { instanceId: B, name: 'web-1', identity: KEY_B });
    pins.learn([other, sameName]);
    expect([...pins.index().byId.values()]).toEqual([web]);
    pins.trust(other);
    expect([...pins.index().byId.values()]).toEqual([other]);
  });

  test('are those of all pages of this browser', () => {
    const store = new MemoryStore();
    const [here, there] = [createPins(store, SERVER), createPins(store, SERVER)];
    const db = pinOf(SERVER, { instanceId: B, name: 'db-1', identity: KEY_B });
    here.learn([web]);
    there.learn([db]);
    expect([...here.index().byName.keys()]).toEqual(['web-1', 'db-1']);
    store.removeItem('latchkey.known-instances');
    expect(here.index().byName.size).toBe(0);
  });

  test('follow an instance that was renamed', () => {
    const pins = createPins(new MemoryStore(), SERVER);
    pins.learn([web]);
    pins.learn([{ ...web, name: 'web-9' }]);
    expect([...pins.index().byName.keys()]).toEqual(['web-9']);
  });

  test('are none where the browser keeps nothing, and that is said', () => {
    const pins = createPins(new MemoryStore(0), SERVER);
    expect(pins.learn([web])).toBe(false);
    expect(pins.index().byId.size).toBe(0);
  });

  test.each(['', '{', '[]', '{"v":1,"pins":[["x","y","z"]]}', '{"v":2,"pins":[]}'])('are none in %j', (text) => {
    const store = new MemoryStore();
    store.setItem('latchkey.known-instances', text);
    expect(createPins(store, SERVER).index().byId.size).toBe(0);
  });
});

describe('what this tab has sent', () => {
  const resetId = () => ResetId.parse(randomUUID());
  const sentTo = (id: ResetId) => ({
    resetId: id,
    instanceId: A,
    name: 'web-1',
    account: AccountName.parse('alice'),
    identityKey: PublicKey.parse('k'.repeat(42) + 'A'),
    digest: Digest.parse('d'.repeat(42) + 'A'),
  });

  test('proves results after a reload', () => {
    const store = new MemoryStore();
    const id = resetId();
    expect(createSentResets(store).save(id, [sentTo(id)], 1)).toBe(true);
    const again = createSentResets(store);
    expect(again.load(id)).toEqual(new Map([[A, sentTo(id)]]));
    expect(again.load(resetId())).toBeNull();
    again.forget(id);
    expect(again.load(id)).toBeNull();
  });

  test('makes room for what is sent now, the oldest first', () => {
    const [first, second, third] = [resetId(), resetId(), resetId()];
    const store = new MemoryStore(2);
    const sent = createSentResets(store);
    sent.save(second, [sentTo(second)], 2);
    sent.save(first, [sentTo(first)], 1);
    expect(sent.save(third, [sentTo(third)], 3)).toBe(true);
    expect([first, second, third].map((id) => sent.load(id) !== null)).toEqual([false, true, true]);
  });

  test('leaves alone what others keep, and gives up where nothing can be kept', () => {
    const store = new MemoryStore(1);
    store.setItem('of somebody else', 'x');
    const id = resetId();
    expect(createSentResets(store).save(id, [sentTo(id)], 1)).toBe(false);
    expect(store.getItem('of somebody else')).toBe('x');
  });

  test('is kept for twenty resets', () => {
    const store = new MemoryStore();
    const sent = createSentResets(store);
    for (let n = 0; n < 30; n += 1) {
      const id = resetId();
      sent.save(id, [sentTo(id)], n);
    }
    expect(store.length).toBe(20);
  });
});
