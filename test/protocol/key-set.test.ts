import { describe, expect, test } from 'vitest';
import {
  findKey,
  judgeFirstKeySet,
  judgeKeySet,
  KEY_SET_CODES,
  KeyRole,
  KeySet,
  SIGNED_TYPES,
  verifyEd25519,
  type KeySetEntry,
  type KeySetRefusal,
  type Signed,
} from '#protocol';
import { entry, HELD, NOW, publicKey, signedBy, thumbprint, type KeyName } from './support/cast.ts';

const NEXT: KeySet = { ...HELD, version: 6, issuedAt: NOW + 1 };
const refused = (code: KeySetRefusal) => ({ accept: false, code });

async function judge(candidate: object, by: KeyName = 'script', held = HELD) {
  return judgeKeySet(verifyEd25519, held, await signedBy(by, 'key-set', candidate));
}

describe('an agent takes a key set', () => {
  test('that is newer and signed by a script key that it holds', async () => {
    expect(await judge(NEXT)).toEqual({ accept: true, keySet: NEXT, changed: true });
  });

  test('that skips versions', async () => {
    expect(await judge({ ...NEXT, version: 900 })).toMatchObject({ accept: true, changed: true });
  });

  test('that says more than this version understands, so that the next order key is learned all the same', async () => {
    const scriptVersionsMin = { 'reset-linux': 2, 'reset-of-tomorrow': 9 };
    const taken = await judge({ ...NEXT, scriptVersionsMin, tomorrow: { anything: 1 } });
    expect(taken).toEqual({
      accept: true,
      keySet: { ...NEXT, scriptVersionsMin: { 'reset-linux': 2 } },
      changed: true,
    });
  });

  test('that is the first to name TLS authorities', async () => {
    const next = { ...NEXT, authorities: ['AAAA'] };
    expect(await judge(next)).toEqual({ accept: true, keySet: next, changed: true });
  });

  test('that it holds already, without a change', async () => {
    expect(await judge(HELD)).toEqual({ accept: true, keySet: HELD, changed: false });
  });

  test('that it holds already, though its store keeps members in another order', async () => {
    const { v, version, serverId, keys, issuedAt } = HELD;
    const turned = keys.map(({ role, publicKey: key, key: name, status }) => ({
      status,
      key: name,
      publicKey: key,
      role,
    }));
    const held = { issuedAt, keys: turned, serverId, version, v };
    expect(JSON.stringify(held)).not.toBe(JSON.stringify(HELD));
    expect(await judge(HELD, 'script', held)).toMatchObject({ accept: true, changed: false });
  });

  test('that brings a new script key, which may sign the next one and revoke its forerunner', async () => {
    const second = { ...NEXT, keys: [...HELD.keys, entry('script', 'nextScript')] };
    const taken = await judge(second);
    if (!taken.accept) throw new Error(taken.code);
    const third = {
      ...second,
      version: 7,
      keys: second.keys.map((each): KeySetEntry =>
        each.key === HELD.serverId ? { ...each, status: 'revoked' } : each,
      ),
    };
    const after = await judge(third, 'nextScript', taken.keySet);
    if (!after.accept) throw new Error(after.code);
    // From here on the first script key is worth nothing.
    expect(await judge({ ...third, version: 8 }, 'script', after.keySet)).toEqual(refused('key-set-unknown-key'));
  });
});

describe('an agent refuses a key set', () => {
  test('that an order key or a release key signed', async () => {
    expect(await judge(NEXT, 'order')).toEqual(refused('key-set-wrong-role'));
    expect(await judge(NEXT, 'release')).toEqual(refused('key-set-wrong-role'));
  });

  test('that a key signed which it does not know, even where the set itself makes it a script key', async () => {
    const own = { ...NEXT, keys: [...HELD.keys, entry('script', 'nextScript')] };
    expect(await judge(own, 'nextScript')).toEqual(refused('key-set-unknown-key'));
  });

  test('that a revoked script key signed', async () => {
    const held = { ...HELD, keys: [...HELD.keys, entry('script', 'nextScript', 'revoked')] };
    expect(await judge({ ...held, version: 6 }, 'nextScript', held)).toEqual(refused('key-set-unknown-key'));
  });

  test('whose signature is not that of the key that it names', async () => {
    const forged: Signed = { ...(await signedBy('order', 'key-set', NEXT)), key: thumbprint('script') };
    expect(await judgeKeySet(verifyEd25519, HELD, forged)).toEqual(refused('key-set-bad-signature'));
  });

  test('that the script key signed as something else', async () => {
    for (const type of SIGNED_TYPES.filter((each) => each !== 'key-set')) {
      const candidate = await signedBy('script', type, NEXT);
      expect(await judgeKeySet(verifyEd25519, HELD, candidate)).toEqual(refused('key-set-bad-signature'));
    }
  });

  test('that is older', async () => {
    expect(await judge({ ...HELD, version: 4 })).toEqual(refused('key-set-older'));
  });

  test.each([
    ['issued at another moment', { ...HELD, issuedAt: NOW + 1 }],
    ['with a key more', { ...HELD, keys: [...HELD.keys, entry('script', 'nextScript')] }],
    ['with a key less', { ...HELD, keys: HELD.keys.filter((each) => each.role !== 'release') }],
    ['with another order of keys', { ...HELD, keys: HELD.keys.toReversed() }],
  ])('of the same version %s', async (_, other) => {
    expect(await judge(other)).toEqual(refused('key-set-older'));
  });

  test('of another control plane', async () => {
    expect(await judge({ ...NEXT, serverId: thumbprint('nextScript') })).toEqual(refused('key-set-other-server'));
  });

  test('that undoes a revocation: active again, left out, or under another role', async () => {
    const others = HELD.keys.filter((each) => each.key !== thumbprint('nextOrder'));
    for (const keys of [others, [...others, entry('order', 'nextOrder')], [...others, entry('script', 'nextOrder')]]) {
      expect(await judge({ ...NEXT, keys })).toEqual(refused('key-set-revocation-undone'));
    }
  });

  test('that brings back a script which was withdrawn', async () => {
    const held: KeySet = { ...HELD, scriptVersionsMin: { 'reset-linux': 3 } };
    for (const scriptVersionsMin of [undefined, {}, { 'reset-linux': 2 }, { 'reset-windows': 9 }]) {
      expect(await judge({ ...NEXT, scriptVersionsMin }, 'script', held)).toEqual(refused('key-set-revocation-undone'));
    }
    const more = { ...NEXT, scriptVersionsMin: { 'reset-linux': 3, 'reset-windows': 1 } };
    expect(await judge(more, 'script', held)).toMatchObject({ accept: true, changed: true });
    // Nor under the number of the set that is held.
    expect(await judge({ ...held, scriptVersionsMin: {} }, 'script', held)).toEqual(refused('key-set-older'));
  });

  test('that no longer names TLS authorities: the one that was joined by may have been withdrawn', async () => {
    const held: KeySet = { ...HELD, authorities: ['AAAA', 'BBBB'] };
    expect(await judge(NEXT, 'script', held)).toEqual(refused('key-set-revocation-undone'));
    for (const authorities of [['AAAA'], ['BBBB', 'CCCC']]) {
      expect(await judge({ ...NEXT, authorities }, 'script', held)).toMatchObject({ accept: true, changed: true });
      // Nor others under the number of the set that is held.
      expect(await judge({ ...held, authorities }, 'script', held)).toEqual(refused('key-set-older'));
    }
    expect(await judge(held, 'script', held)).toEqual({ accept: true, keySet: held, changed: false });
  });

  test.each([[[]], [['A A']], [['AAAA', 'BBBB', 'CCCC', 'DDDD', 'EEEE']]])(
    'whose authorities are %j',
    async (named) => {
      expect(await judge({ ...NEXT, authorities: named })).toEqual(refused('key-set-malformed'));
    },
  );

  test('that names a key twice, active before revoked: the first would win', async () => {
    const others = HELD.keys.filter((each) => each.key !== thumbprint('nextOrder'));
    const keys = [...others, entry('order', 'nextOrder'), entry('order', 'nextOrder', 'revoked')];
    expect(await judge({ ...NEXT, keys })).toEqual(refused('key-set-malformed'));
  });

  test('with a thumbprint that is not that of its key', async () => {
    const keys = [...HELD.keys, { ...entry('order', 'otherIdentity'), key: thumbprint('identity') }];
    expect(await judge({ ...NEXT, keys })).toEqual(refused('key-set-malformed'));
  });

  test.each([
    ['no keys', { ...NEXT, keys: [] }],
    ['a version of zero', { ...NEXT, version: 0 }],
    ['a version beyond exact numbers', { ...NEXT, version: 2 ** 53 }],
    ['another format', { ...NEXT, v: 2 }],
    ['a role that is not known', { ...NEXT, keys: [{ ...entry('script', 'script'), role: 'root' }] }],
    ['65 keys', { ...NEXT, keys: Array.from({ length: 65 }, () => entry('script', 'script')) }],
  ])('with %s', async (_, candidate) => {
    expect(await judge(candidate)).toEqual(refused('key-set-malformed'));
  });

  test('by a code that the one table explains', () => {
    for (const code of Object.keys(KEY_SET_CODES)) expect(code).toMatch(/^key-set-/);
    expect(Object.keys(KEY_SET_CODES)).toHaveLength(7);
  });
});

describe('the first key set', () => {
  const anchor = { scriptKey: thumbprint('script') };
  const first = async (candidate: object, by: KeyName = 'script') =>
    judgeFirstKeySet(verifyEd25519, anchor, await signedBy(by, 'key-set', candidate));

  test('is taken from the script key that the join token named', async () => {
    expect(await first(HELD)).toEqual({ accept: true, keySet: HELD, changed: true });
  });

  test('is taken at the version that the join token named or a newer one, and refused when it is older', async () => {
    const signed = await signedBy('script', 'key-set', HELD);
    const at = (keySetVersionMin: number) => judgeFirstKeySet(verifyEd25519, { ...anchor, keySetVersionMin }, signed);
    expect(await at(HELD.version)).toMatchObject({ accept: true });
    expect(await at(HELD.version - 1)).toMatchObject({ accept: true });
    expect(await at(HELD.version + 1)).toEqual(refused('key-set-older'));
  });

  test('is refused from any other key, a script key of the set too', async () => {
    const keys = [...HELD.keys, entry('script', 'nextScript')];
    for (const by of ['order', 'nextScript', 'otherIdentity'] as const) {
      expect(await first({ ...HELD, keys }, by)).toEqual(refused('key-set-unknown-key'));
    }
  });

  test('is refused when another key signed in the name of the anchor', async () => {
    const forged = { ...(await signedBy('order', 'key-set', HELD)), key: thumbprint('script') };
    expect(await judgeFirstKeySet(verifyEd25519, anchor, forged)).toEqual(refused('key-set-bad-signature'));
  });

  test('is refused when it puts another key under the thumbprint of the anchor', async () => {
    const keys = [{ ...entry('script', 'script'), publicKey: publicKey('nextScript') }, entry('order', 'order')];
    const forged = { ...(await signedBy('nextScript', 'key-set', { ...HELD, keys })), key: thumbprint('script') };
    expect(await judgeFirstKeySet(verifyEd25519, anchor, forged)).toEqual(refused('key-set-malformed'));
  });

  test.each([
    ['does not list the anchor', HELD.keys.filter((each) => each.role !== 'script')],
    ['lists the anchor in another role', [entry('order', 'script')]],
  ])('is refused when it %s', async (_, keys) => {
    expect(await first({ ...HELD, keys })).toEqual(refused('key-set-malformed'));
  });

  test('is refused when it revokes the anchor that signed it', async () => {
    const keys = [entry('script', 'script', 'revoked'), entry('script', 'nextScript')];
    expect(await first({ ...HELD, keys })).toEqual(refused('key-set-unknown-key'));
  });

  test('is refused when any of its thumbprints is wrong', async () => {
    const keys = [...HELD.keys, { ...entry('order', 'otherIdentity'), key: thumbprint('identity') }];
    expect(await first({ ...HELD, keys })).toEqual(refused('key-set-malformed'));
  });

  test('is refused when it was signed as something else', async () => {
    const candidate = await signedBy('script', 'script', HELD);
    expect(await judgeFirstKeySet(verifyEd25519, anchor, candidate)).toEqual(refused('key-set-bad-signature'));
  });
});

describe('a key is found', () => {
  test('for its own role only', () => {
    for (const role of KeyRole.options) {
      const { publicKey: own, key } = HELD.keys.find((each) => each.role === role)!;
      for (const asked of KeyRole.options) {
        const expected = asked === role ? { ok: true, publicKey: own } : { ok: false, why: 'wrong-role' };
        expect(findKey(HELD, asked, key)).toEqual(expected);
      }
    }
  });
  test('never when it is revoked or not there', () => {
    expect(findKey(HELD, 'order', thumbprint('nextOrder'))).toEqual({ ok: false, why: 'revoked-key' });
    expect(findKey(HELD, 'order', thumbprint('identity'))).toEqual({ ok: false, why: 'unknown-key' });
  });
});
