import { beforeEach, describe, expect, test } from 'vitest';
import {
  judgeSealingKey,
  ONLINE_RESET_LIFETIME_MS,
  PLAN_LIFETIME_MS,
  SEALING_KEY_LIFETIME_MS,
  SEALING_KEY_ROTATION_MS,
  type Thumbprint,
} from '#protocol';
import { openSealingKeys, type SealingKeys } from '../../agent/core/sealing-keys.ts';
import { createAgentCrypto, createIdentity, verifySignature } from '../../agent/node/crypto.ts';
import type { AgentCrypto } from '../../agent/ports.ts';
import { QUIET } from '../support/core-world.ts';
import { AgentWorld } from './support/agent-world.ts';
import { newInstanceId, statementOf } from './support/control-plane.ts';
import { MemoryStorage } from './support/memory-storage.ts';

const instanceId = newInstanceId();
const DAY_MS = 24 * 3_600_000;
const START = 1_800_000_000_000;
const NONE: ReadonlySet<Thumbprint> = new Set();
let crypto: AgentCrypto;
let storage: MemoryStorage;

beforeEach(async () => {
  crypto = createAgentCrypto((await createIdentity()).signer);
  storage = new MemoryStorage();
});

const open = (now: number): Promise<SealingKeys> => openSealingKeys({ storage, crypto, log: QUIET, instanceId }, now);
const keyFiles = () => [...storage.files.keys()].filter((name) => name.endsWith('.key')).toSorted();
const keyIdOf = (keys: SealingKeys) => statementOf(keys.statement()).keyId;

test('the first key is made, vouched for by the identity, and found again', async () => {
  const keys = await open(START);
  const expected = { instanceId, identityKey: crypto.identity.publicKey, now: START };
  expect(await judgeSealingKey(verifySignature, expected, keys.statement())).toMatchObject({
    ok: true,
    statement: { epoch: 1, notAfter: START + SEALING_KEY_LIFETIME_MS },
  });
  expect((await open(START + 1)).statement()).toEqual(keys.statement());
});

test('a private key is on disk before its statement is', async () => {
  await open(START);
  expect(storage.writes.map(({ name }) => name)).toEqual(['sealing-1.key', 'sealing-keys.json']);
});

describe('a key is replaced', () => {
  test.each([
    ['not before it has aged', SEALING_KEY_ROTATION_MS, false],
    ['when it has aged', SEALING_KEY_ROTATION_MS + 1, true],
    ['when the clock that dated it was days ahead', -DAY_MS - 1, true],
    ['not when that clock was hours ahead', -DAY_MS, false],
  ])('%s', async (_when, laterMs, replaced) => {
    const keys = await open(START);
    const first = keyIdOf(keys);
    expect(await keys.rotate(START + laterMs, NONE, true)).toBe(replaced);
    expect(keyIdOf(keys) !== first).toBe(replaced);
  });

  test('by one of a higher epoch, also when the index was lost', async () => {
    const keys = await open(START);
    await keys.rotate(START + SEALING_KEY_ROTATION_MS + 1, NONE, true);
    expect(statementOf(keys.statement()).epoch).toBe(2);
    storage.files.set('sealing-keys.json', Buffer.from('damaged'));
    expect(statementOf((await open(START)).statement()).epoch).toBe(3);
  });
});

describe('an old key is deleted', () => {
  async function rotated(): Promise<{ keys: SealingKeys; old: Thumbprint; at: number }> {
    const keys = await open(START);
    const old = keyIdOf(keys);
    const at = START + SEALING_KEY_ROTATION_MS + 1;
    await keys.rotate(at, NONE, true);
    return { keys, old, at };
  }

  test('not while a late client may still seal to it', async () => {
    const { keys, old, at } = await rotated();
    await keys.rotate(at, NONE, true);
    expect(await keys.privateKey(old)).not.toBeNull();
  });

  test('once its statement has ended, from the disk as well', async () => {
    const { keys, old } = await rotated();
    await keys.rotate(START + SEALING_KEY_LIFETIME_MS, NONE, true);
    expect(await keys.privateKey(old)).toBeNull();
    expect(keyFiles()).toEqual(['sealing-2.key']);
  });

  test('that a lie about time has dated, once the time is known again', async () => {
    const keys = await open(START);
    const honest = keyIdOf(keys);
    await keys.rotate(START + 70 * 365 * DAY_MS, new Set([honest]), true);
    const lied = keyIdOf(keys);
    await keys.rotate(START + 1, NONE, false);
    expect(await keys.privateKey(lied), 'a dead clock says nothing about a key').not.toBeNull();
    await keys.rotate(START + 2, NONE, true);
    expect(await keys.privateKey(lied), 'what was planned with it may be on its way').not.toBeNull();
    await keys.rotate(START + 2 + PLAN_LIFETIME_MS + ONLINE_RESET_LIFETIME_MS, NONE, true);
    expect(await keys.privateKey(lied)).toBeNull();
    expect(keyFiles()).toHaveLength(2);
    expect(await keys.privateKey(keyIdOf(keys))).not.toBeNull();
  });

  test('and is not made in dozens by a clock that jumps to and fro', async () => {
    const keys = await open(START);
    for (let jump = 1; jump <= 100; jump += 1) {
      await keys.rotate(START + (jump % 2) * 10 * DAY_MS + jump, NONE, false);
    }
    expect(keyFiles().length).toBeLessThanOrEqual(64);
    expect(await keys.privateKey(keyIdOf(await open(START)))).not.toBeNull();
  });

  test('not while an order that was taken needs it', async () => {
    const { keys, old } = await rotated();
    await keys.rotate(START + SEALING_KEY_LIFETIME_MS, new Set([old]), true);
    expect(await keys.privateKey(old)).not.toBeNull();
  });
});

describe('a crash', () => {
  test('between key and index leaves no stray key', async () => {
    storage.fate = ({ name }) => (name === 'sealing-keys.json' ? 'crash-before' : 'pass');
    await Promise.race([open(START), storage.crash]);
    storage = new MemoryStorage(storage.files);
    expect(keyFiles()).toEqual(['sealing-1.key']);
    const keys = await open(START);
    expect(keyFiles()).toEqual(['sealing-2.key']);
    expect(await keys.privateKey(keyIdOf(keys))).toHaveLength(32);
  });

  test('between index and deletion leaves no old key', async () => {
    const keys = await open(START);
    await keys.rotate(START + SEALING_KEY_ROTATION_MS + 1, NONE, true);
    storage.fate = ({ kind }) => (kind === 'remove' ? 'crash-before' : 'pass');
    await Promise.race([keys.rotate(START + SEALING_KEY_LIFETIME_MS, NONE, true), storage.crash]);
    storage = new MemoryStorage(storage.files);
    expect(keyFiles()).toEqual(['sealing-1.key', 'sealing-2.key']);
    await open(START + SEALING_KEY_LIFETIME_MS);
    expect(keyFiles()).toEqual(['sealing-2.key']);
  });
});

test('a live session is told of a new key, and passwords for the old one still open', async () => {
  const world = await AgentWorld.started();
  world.crash();
  world.clock.advance(SEALING_KEY_ROTATION_MS + 1);
  await world.agent.start();
  const session = await world.connect();
  const { sealingKey } = await session.line.frame('sealing-key');
  expect([statementOf(session.agentProof.sealingKey).epoch, statementOf(sealingKey).epoch]).toEqual([1, 2]);
  const order = await world.order(session);
  await world.send(session, order);
  expect(await world.result(session, order.taskId)).toMatchObject({ state: 'succeeded' });
});
