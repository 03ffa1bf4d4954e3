import { describe, expect, test } from 'vitest';
import { EMPTY_LEDGER } from '../../agent/domain/ledger.ts';
import { isWithinHour, judgePolicy, OPEN_POLICY, type StartedAt } from '../../agent/domain/policy.ts';
import type { AccountName, Order, Thumbprint } from '#protocol';
import { AgentWorld, type LiveSession } from './support/agent-world.ts';
import { GOOD_PASSWORD, newNonce } from './support/control-plane.ts';

const HOUR_MS = 3_600_000;

async function scene(): Promise<{ world: AgentWorld; session: LiveSession }> {
  const world = await AgentWorld.started();
  return { world, session: await world.connect() };
}

async function outcome(
  { world, session }: { world: AgentWorld; session: LiveSession },
  change: Partial<Order> = {},
  password?: string | Uint8Array,
) {
  const order = await world.order(session, change, password);
  await world.send(session, order);
  return world.result(session, order.taskId);
}

describe('a sealed password', () => {
  test('reaches the machine byte for byte, once, and is zeroed afterwards', async () => {
    const it = await scene();
    const password = '-%Ab1!@_=+[]:./^,{}?';
    await outcome(it, {}, password);
    const [run] = it.world.instance.runs;
    expect(run?.password).toBe(password);
    expect(run?.bytes.every((byte) => byte === 0)).toBe(true);
  });

  // Each is in the order and in the seal; the control plane may sign any order, but not change what was sealed.
  test.each<[string, (order: Order) => Partial<Order>]>([
    ['account', () => ({ account: 'bob' as Order['account'] })],
    ['reset', () => ({ resetId: '0190a0c4-7d5f-7c6e-9d0e-8c7a5b1f2e3d' as Order['resetId'] })],
    ['mode', () => ({ mode: 'offline' })],
    ['option unlock', () => ({ options: { unlock: true, unexpire: false, mustChange: false } })],
    ['option unexpire', () => ({ options: { unlock: false, unexpire: true, mustChange: false } })],
    ['option must-change', () => ({ options: { unlock: false, unexpire: false, mustChange: true } })],
    ['limit', ({ notAfter }) => ({ notAfter: notAfter + 1 })],
  ])('that was sealed for another %s does not open', async (_what, change) => {
    const { world, session } = await scene();
    const sealedFor = await world.order(session);
    const order = { ...sealedFor, ...change(sealedFor) };
    await world.send(session, order);
    expect(await world.result(session, order.taskId)).toMatchObject({ state: 'failed', code: 'seal-broken' });
    expect(world.instance.runs).toEqual([]);
  });

  test('to a key that is gone is told apart from one that does not open', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    const keyId = newNonce() as string as Thumbprint;
    await world.send(session, { ...order, sealed: { ...order.sealed, keyId } });
    expect(await world.result(session, order.taskId)).toMatchObject({ state: 'failed', code: 'sealing-key-unknown' });
  });

  test('to a key that cannot be read is a plain failure', async () => {
    const { world, session } = await scene();
    const order = await world.order(session);
    world.storage.files.set('sealing-1.key', new Uint8Array(31));
    await world.send(session, order);
    expect(await world.result(session, order.taskId)).toMatchObject({
      ...{ state: 'failed', code: 'script-failed', detail: 'the seal could not be opened' },
    });
    expect(world.instance.runs).toEqual([]);
  });

  test.each<[string, string | Uint8Array, string]>([
    ['too short, of one class', 'aaaa', 'length, classes'],
    ['the account’s name backwards', 'Xx1!ECILAzz', 'contains-account-reversed'],
    ['a control character', 'Correct-Horse\n7', 'character'],
    ['bytes that are no text', Uint8Array.from([0xff, 0xfe, 0x41, 0x61, 0x31, 0x21, 0x41, 0x42]), 'character'],
  ])('against the rules is refused with every rule: %s', async (_what, password, rules) => {
    const it = await scene();
    const result = await outcome(it, {}, password);
    expect(result).toMatchObject({ state: 'failed', code: 'password-rejected', detail: rules });
    expect(it.world.instance.runs).toEqual([]);
  });

  test('is in no log, no result, no status and no file', async () => {
    const { world, session } = await scene();
    for (const password of [GOOD_PASSWORD, 'bad']) {
      const order = await world.order(
        session,
        { account: `user${String(password.length)}` as Order['account'] },
        password,
      );
      await world.send(session, order);
      await world.result(session, order.taskId);
    }
    const files = [...world.storage.files.values()].map((bytes) => Buffer.from(bytes).toString('latin1'));
    const everything = [...world.logged, JSON.stringify(session.line.sent), JSON.stringify(world.published), ...files];
    for (const form of [GOOD_PASSWORD, Buffer.from(GOOD_PASSWORD).toString('base64url')]) {
      expect(everything.filter((text) => text.includes(form))).toEqual([]);
    }
  });
});

describe('the right to privileged accounts', () => {
  test.each([true, false])('is passed on as the order has it: %s', async (privileged) => {
    const it = await scene();
    await outcome(it, { privileged });
    expect(it.world.instance.runs).toMatchObject([{ privileged }]);
  });

  test('that is missing ends the reset with its own code', async () => {
    const it = await scene();
    it.world.instance.onReset = () => ({
      state: 'failed',
      code: 'account-privileged',
      detail: 'in sudo',
      warnings: [],
    });
    expect(await outcome(it)).toMatchObject({ state: 'failed', code: 'account-privileged', detail: 'in sudo' });
  });
});

describe('the local policy', () => {
  test('narrows the accounts', async () => {
    const it = await scene();
    it.world.policy = { ...OPEN_POLICY, accounts: ['bob'] };
    const refused = await outcome(it);
    expect(refused).toMatchObject({ state: 'failed', code: 'policy-account-refused', detail: 'rule accounts' });
    const bob = await outcome(it, { account: 'bob' as Order['account'] });
    expect(bob).toMatchObject({ state: 'succeeded' });
  });

  test('that cannot be read allows nothing', async () => {
    const it = await scene();
    it.world.policy = null;
    expect(await outcome(it)).toMatchObject({ code: 'policy-invalid', detail: 'rule policy-unreadable' });
  });

  test('limits resets an hour, and a new process remembers those before it', async () => {
    const { world, session } = await scene();
    world.policy = { ...OPEN_POLICY, resetsPerHour: 1 };
    await outcome({ world, session });
    await world.restart();
    const again = await world.connect();
    const refused = await outcome({ world, session: again }, { generation: 2 });
    expect(refused).toMatchObject({ state: 'failed', code: 'policy-rate-refused', detail: 'rule resets-per-hour' });
    world.clock.advance(HOUR_MS);
    await world.wire.line(2);
    const later = await world.connect();
    expect(await outcome({ world, session: later }, { generation: 3 })).toMatchObject({ state: 'succeeded' });
  });

  const now: StartedAt = { bootId: 'now', monotonicMs: 10 * HOUR_MS, wallMs: 100 * HOUR_MS };
  test.each<[string, Partial<StartedAt>, boolean]>([
    ['a moment ago', { monotonicMs: now.monotonicMs - 1 }, true],
    ['an hour ago', { monotonicMs: now.monotonicMs - HOUR_MS }, false],
    ['a moment ago, before somebody set the clock', { monotonicMs: now.monotonicMs - 1, wallMs: 0 }, true],
    ['in the last boot, a moment ago', { bootId: 'last', wallMs: now.wallMs - 1 }, true],
    ['in the last boot, an hour ago', { bootId: 'last', wallMs: now.wallMs - HOUR_MS }, false],
    ['in the last boot, by a clock that was fast', { bootId: 'last', wallMs: now.wallMs + HOUR_MS / 2 }, true],
  ])('counts a reset %s: %s', (_when, change, counted) => {
    expect(isWithinHour({ ...now, ...change }, now)).toBe(counted);
  });

  const alice = 'alice' as AccountName;
  test.each<[string, Parameters<typeof judgePolicy>[0], readonly StartedAt[], string]>([
    ['no policy file', OPEN_POLICY, [now, now], 'local-policy'],
    ['a list without the account', { ...OPEN_POLICY, accounts: [] }, [], 'accounts'],
    ['no resets at all', { ...OPEN_POLICY, resetsPerHour: 0 }, EMPTY_LEDGER.started, 'resets-per-hour'],
    ['room for one more', { ...OPEN_POLICY, resetsPerHour: 2 }, [now], 'local-policy'],
    ['nothing that can be read', null, [], 'policy-unreadable'],
  ])('names the rule: %s', (_what, policy, started, rule) => {
    expect(judgePolicy(policy, alice, started, now).rule).toBe(rule);
  });
});

test('an account that has no name here is refused before anything else', async () => {
  const it = await scene();
  it.world.instance.naming = { ok: false, code: 'account-not-found' };
  expect(await outcome(it)).toMatchObject({ state: 'failed', code: 'account-not-found' });
});
