import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fromBase64Url,
  judgeSealingKey,
  sealedDigest,
  SealedPassword,
  sealPassword,
  SIGNED_TYPES,
  toBase64Url,
  unsealPassword,
  utf8,
  verifyEd25519,
  type SealContext,
  type SealingKeyStatement,
} from '#protocol';
import { CONTEXT, IDS, KEYS, NOW, publicKey, signedBy, STATEMENT, thumbprint, type KeyName } from './support/cast.ts';
import { agree, hpkeOpen, hpkeSeal, sha256, thumbprint as referenceThumbprint } from './vectors/reference.ts';

const PASSWORD = 'Correct-Horse7';
const seal = (password = PASSWORD, context = CONTEXT) => sealPassword(STATEMENT, context, utf8(password));
const open = (sealed: SealedPassword, context = CONTEXT) => unsealPassword(KEYS.sealing.secret, context, sealed);

/** What the padded text looks like and what it is bound to, made without the code under test. */
function sealRaw(plaintext: Uint8Array): SealedPassword {
  const { instanceId, identity, account, resetId, mode, notAfter } = CONTEXT;
  const bound = [
    instanceId,
    identity,
    KEYS.sealing.thumbprint,
    account,
    resetId,
    mode,
    [false, false, false],
    notAfter,
  ];
  const aad = sha256(JSON.stringify(['latchkey/sealed-password/v1', ...bound]));
  const message = { info: Buffer.alloc(0), aad, plaintext: Buffer.from(plaintext) };
  const { enc, ciphertext } = hpkeSeal(KEYS.ephemeral.secret, KEYS.sealing.raw, message);
  return { keyId: thumbprint('sealing'), enc: toBase64Url(enc), ciphertext: toBase64Url(ciphertext) };
}

describe('a sealed password', () => {
  test('opens to the same bytes, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 63 }), async (password) => {
        expect(await open(await sealPassword(STATEMENT, CONTEXT, password))).toEqual(password);
      }),
    );
  });

  test('is opened by another implementation too', async () => {
    const sealed = await seal();
    const { identity, instanceId, account, resetId, mode, notAfter } = CONTEXT;
    const bound = [instanceId, identity, KEYS.sealing.thumbprint, account, resetId, mode, [false, false, false]];
    const plaintext = hpkeOpen(KEYS.sealing.secret, Buffer.from(sealed.enc, 'base64url'), {
      info: Buffer.alloc(0),
      aad: sha256(JSON.stringify(['latchkey/sealed-password/v1', ...bound, notAfter])),
      ciphertext: Buffer.from(sealed.ciphertext, 'base64url'),
    });
    expect(plaintext.toString()).toBe(`\u000e${PASSWORD}`.padEnd(64, '\0'));
  });

  test('is as long for 8 characters as for 26, and for every length between 1 and 63 bytes', async () => {
    expect((await seal('a'.repeat(8))).ciphertext).toHaveLength((await seal('a'.repeat(26))).ciphertext.length);
    for (let length = 1; length <= 63; length += 1) {
      const sealed = await seal('a'.repeat(length));
      expect(fromBase64Url(sealed.ciphertext)).toHaveLength(80);
      expect(fromBase64Url(sealed.enc)).toHaveLength(32);
    }
  });

  test('is never the same twice', async () => {
    const texts = await Promise.all(Array.from({ length: 50 }, () => seal()));
    expect(new Set(texts.map((sealed) => sealed.enc)).size).toBe(50);
    expect(new Set(texts.map((sealed) => sealed.ciphertext)).size).toBe(50);
    expect(new Set(await Promise.all(texts.map(sealedDigest))).size).toBe(50);
  });

  test('has at most 63 bytes', async () => {
    await expect(seal('a'.repeat(64))).rejects.toThrow(RangeError);
  });

  test("is never told by what the caller's buffer holds afterwards: sealing does not change it", async () => {
    const password = utf8(PASSWORD);
    await sealPassword(STATEMENT, CONTEXT, password);
    expect(password).toEqual(utf8(PASSWORD));
  });

  const changes: readonly (readonly [field: string, changed: Partial<SealContext>])[] = [
    ['the instance', { instanceId: IDS.otherInstance as SealContext['instanceId'] }],
    ['the identity', { identity: thumbprint('otherIdentity') }],
    ['the account', { account: 'bob' as SealContext['account'] }],
    ['the case of the account', { account: 'Alice' as SealContext['account'] }],
    ['the reset', { resetId: IDS.otherReset as SealContext['resetId'] }],
    ['the mode', { mode: 'offline' }],
    ['unlock', { options: { ...CONTEXT.options, unlock: true } }],
    ['unexpire', { options: { ...CONTEXT.options, unexpire: true } }],
    ['mustChange', { options: { ...CONTEXT.options, mustChange: true } }],
    ['the limit by a millisecond', { notAfter: CONTEXT.notAfter + 1 }],
  ];

  test.each(changes)('does not open when someone changes %s', async (_, changed) => {
    expect(await open(await seal(), { ...CONTEXT, ...changed })).toBeNull();
  });

  test('is bound to every field of its context', () => {
    const changed = new Set(changes.flatMap(([, change]) => Object.keys(change)));
    expect(changed).toEqual(new Set(Object.keys(CONTEXT)));
  });

  test('does not open under another key id or with another key', async () => {
    const sealed = await seal();
    expect(await open({ ...sealed, keyId: thumbprint('otherSealing') })).toBeNull();
    expect(await unsealPassword(KEYS.otherSealing.secret, CONTEXT, sealed)).toBeNull();
  });

  test('does not open when any bit of it is flipped', async () => {
    const sealed = await seal();
    const flipped = (text: string, bit: number) => {
      const bytes = fromBase64Url(text);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return toBase64Url(bytes);
    };
    const openings: Promise<Uint8Array | null>[] = [];
    for (let bit = 0; bit < 80 * 8; bit += 1) {
      openings.push(open({ ...sealed, ciphertext: flipped(sealed.ciphertext, bit) }));
    }
    for (let bit = 0; bit < 32 * 8; bit += 1) openings.push(open({ ...sealed, enc: flipped(sealed.enc, bit) }));
    for (const opened of await Promise.all(openings)) expect(opened).toBeNull();
  });

  test.each(['AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', '4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA'])(
    'does not open under the worthless encapsulated key %s',
    async (enc) => {
      expect(await open({ ...(await seal()), enc })).toBeNull();
    },
  );

  test.each([
    ['with the right padding', [4, 0x5a, 0x71, 0x37, 0x21], true],
    ['of no bytes', [0], true],
    ['with a byte after its end', [4, 0x5a, 0x71, 0x37, 0x21, 0x00, 0x01], false],
    ['with a length beyond the padding', [64], false],
    ['with a length of 255', [255], false],
  ])('%s opens: %s', async (_, start, opens) => {
    const plaintext = new Uint8Array(64);
    plaintext.set(start);
    expect((await open(sealRaw(plaintext))) !== null).toBe(opens);
  });

  test('of another size does not open, though it is rightly sealed', async () => {
    for (const size of [0, 1, 63, 65]) expect(await open(sealRaw(new Uint8Array(size)))).toBeNull();
  });

  test('travels in one form only', async () => {
    const sealed = await seal();
    expect(SealedPassword.safeParse(sealed).success).toBe(true);
    expect(SealedPassword.safeParse({ ...sealed, password: PASSWORD }).success).toBe(false);
    expect(SealedPassword.safeParse({ ...sealed, ciphertext: toBase64Url(new Uint8Array(79)) }).success).toBe(false);
    expect(SealedPassword.safeParse({ ...sealed, enc: toBase64Url(new Uint8Array(33)) }).success).toBe(false);
  });

  test('is named by a digest that tells any two apart', async () => {
    const [one, other] = [await seal(), await seal()];
    expect(await sealedDigest(one)).not.toBe(await sealedDigest(other));
    expect(await sealedDigest({ ...one, enc: other.enc })).not.toBe(await sealedDigest(one));
  });
});

describe('a client seals to a key', () => {
  const expected = { instanceId: CONTEXT.instanceId, identityKey: publicKey('identity'), now: NOW };
  const judge = async (by: KeyName, changed: Partial<SealingKeyStatement> = {}, now = NOW) => {
    const certificate = await signedBy(by, 'sealing-key', { ...STATEMENT, ...changed });
    return judgeSealingKey(verifyEd25519, { ...expected, now }, certificate);
  };
  const refusal = (code: string) => ({ ok: false, code });

  test("that the instance's identity vouches for", async () => {
    expect(await judge('identity')).toEqual({ ok: true, statement: STATEMENT });
  });

  test('and to none that another key signed, whoever it names', async () => {
    for (const by of ['otherIdentity', 'order', 'script'] as const) {
      expect(await judge(by)).toEqual(refusal('sealing-key-unsigned'));
    }
    const certificate = await signedBy('otherIdentity', 'sealing-key', STATEMENT);
    const renamed = { ...certificate, key: thumbprint('identity') };
    expect(await judgeSealingKey(verifyEd25519, expected, renamed)).toEqual(refusal('sealing-key-unsigned'));
    const misnamed = { ...(await signedBy('identity', 'sealing-key', STATEMENT)), key: thumbprint('otherIdentity') };
    expect(await judgeSealingKey(verifyEd25519, expected, misnamed)).toEqual(refusal('sealing-key-unsigned'));
  });

  test('and to none that the identity signed as something else', async () => {
    for (const type of SIGNED_TYPES.filter((each) => each !== 'sealing-key')) {
      const certificate = await signedBy('identity', type, STATEMENT);
      expect(await judgeSealingKey(verifyEd25519, expected, certificate)).toEqual(refusal('sealing-key-unsigned'));
    }
  });

  test('and to none of another instance or identity', async () => {
    const other = refusal('sealing-key-other-instance');
    expect(await judge('identity', { instanceId: IDS.otherInstance as SealContext['instanceId'] })).toEqual(other);
    expect(await judge('identity', { identity: thumbprint('otherIdentity') })).toEqual(other);
  });

  test('and to none whose id is not its thumbprint', async () => {
    expect(await judge('identity', { keyId: thumbprint('otherSealing') })).toEqual(refusal('sealing-key-unsigned'));
    expect(await judge('identity', { publicKey: publicKey('otherSealing') })).toEqual(refusal('sealing-key-unsigned'));
  });

  test('until the moment it expires, and not from then on', async () => {
    expect((await judge('identity', {}, STATEMENT.notAfter - 1)).ok).toBe(true);
    expect(await judge('identity', {}, STATEMENT.notAfter)).toEqual(refusal('sealing-key-expired'));
    expect(await judge('identity', {}, STATEMENT.notAfter + 1)).toEqual(refusal('sealing-key-expired'));
  });

  test.each([
    ['a field that is not known', { ...STATEMENT, note: 'x' }],
    ['an epoch of zero', { ...STATEMENT, epoch: 0 }],
    ['another version', { ...STATEMENT, v: 2 }],
    ['no end', { ...STATEMENT, notAfter: null }],
    ['a key of 31 bytes', { ...STATEMENT, publicKey: toBase64Url(new Uint8Array(31)) }],
  ])('and to none whose statement has %s', async (_, body) => {
    const certificate = await signedBy('identity', 'sealing-key', body);
    expect(await judgeSealingKey(verifyEd25519, expected, certificate)).toEqual(refusal('sealing-key-unsigned'));
  });

  const prime = 2n ** 255n - 19n;
  const ofOrderEight = [
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  ];
  const worthless = [0n, 1n, ...ofOrderEight, prime - 1n, prime, prime + 1n].flatMap((u) => [u, u + 2n ** 255n]);
  test.each(worthless)('and to none that makes the secret zero for everyone: u = %s', async (u) => {
    const raw = Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse();
    const point = toBase64Url(raw) as SealingKeyStatement['publicKey'];
    const keyId = referenceThumbprint('X25519', raw) as SealingKeyStatement['keyId'];
    expect(await judge('identity', { publicKey: point, keyId })).toEqual(refusal('sealing-key-unsigned'));
    expect(() => agree(KEYS.ephemeral.secret, raw)).toThrow();
  });
});
